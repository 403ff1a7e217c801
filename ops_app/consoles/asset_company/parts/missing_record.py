"""One loan that a full feed did not have, or several at once: what is known, what was done, what may be done."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import streamlit as st

from ops_app.consoles.asset_company.parts.missing_list import id_of, key_of
from ops_app.consoles.kit import names
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.consoles.kit.record import Happening, facts, history
from ops_app.consoles.pages import PAGES
from ops_app.domain.canonical import key_hash
from ops_app.domain.casework.missing import ALLOWED, MISSING_ACT_NAMES, MISSING_STATE_NAMES, MissingAct
from ops_app.domain.errors import DomainError
from ops_app.services.casework.missing import MissingLoan, decide_missing, read_missing

CASES = next(spec.path for spec in PAGES if spec.key == "cases")
_USUAL_DAYS = 7


def show(at: Here, identity: str) -> None:
    """The record of one missing loan."""
    t, labels, key = at.t, at.labels, key_of(identity)
    try:
        one, done = read_missing(at.actor, at.app.store, now=at.now, key=key or ("", "", at.today))
    except DomainError as error:
        st.error(error.sentence(at.actor.language))
        return
    st.subheader(f"{one.source_code} · {one.loan_id}", anchor=False)
    facts(
        {
            t("missing_loans.state"): labels.named(MISSING_STATE_NAMES, one.state(at.today)),
            t("missing_loans.first"): labels.day(one.first_missed_date),
            t("missing_loans.last"): labels.day(one.last_missed_date),
            t("missing_loans.back"): labels.day(one.cleared_date),
            t("missing_loans.until"): labels.day(one.until_date),
            t("cases.balance"): labels.money(one.balance_minor, one.currency) if one.currency else "–",
            t("cases.days_past_due"): labels.count(one.days_past_due),
        }
    )
    st.page_link(CASES, label=t("missing_loans.case"), query_params={"case_id": one.case_id})
    act_on(at, [one])
    history(
        at,
        [Happening(it.made_at, it.made_by_name, labels.named(MISSING_ACT_NAMES, it.what), it.reason) for it in done],
    )


def act_on(at: Here, chosen: Sequence[MissingLoan]) -> None:
    """What may be done with all of these."""
    t, labels = at.t, at.labels
    if len(chosen) > 1:
        st.subheader(t("missing_loans.selected", count=labels.count(len(chosen))), anchor=False)
    if not at.may("cases.missing"):
        st.caption(names.who_may(at, "cases.missing"))
        return
    offered = [what for what in MissingAct if all(what in ALLOWED[one.state(at.today)] for one in chosen)]
    if not offered:
        _nothing_for_all(at, chosen)
        return
    mark = key_hash(*(f"{id_of(one)}/{one.acts}" for one in chosen))[:16]
    with form(at, f"missing_{mark}") as f:
        what = f.choice("what", t("missing_loans.what"), [it.value for it in offered],
                        lambda code: labels.named(MISSING_ACT_NAMES, code))  # fmt: skip
        until = f.day("until_date", t("missing_loans.until_needed"), at.today + timedelta(days=_USUAL_DAYS))
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("missing_loans.do"))
    f.require({"what": what})
    f.run(
        lambda key: decide_missing(
            at.actor, at.app.store, now=at.now, wanted={one.key: one.acts for one in chosen},
            what=MissingAct(str(what)), reason=reason, until_date=until, key=key,
        ),
        done=lambda count: t("missing_loans.done", count=labels.count(count)),
    )  # fmt: skip


def _nothing_for_all(at: Here, chosen: Sequence[MissingLoan]) -> None:
    """Why there is no act: one loan is over, or the loans that were selected have none in common."""
    t = at.t
    if len(chosen) == 1:
        st.caption(t("missing_loans.over"))
        return
    over = [one for one in chosen if not ALLOWED[one.state(at.today)]]
    counts = {state: sum(one.state(at.today) is state for one in chosen) for state in MISSING_STATE_NAMES}
    each = [
        f"{at.labels.named(MISSING_STATE_NAMES, state)} {at.labels.count(count)}"
        for state, count in counts.items() if count
    ]  # fmt: skip
    said = "missing_loans.all_over" if len(over) == len(chosen) else "missing_loans.mixed"
    st.caption(t(said, states=at.labels.listing(each), count=at.labels.count(len(over))))
