"""Lines of a claimed statement: narrowed by period, finding and state, and decided one by one or all that are shown."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.desk import choose_among
from ops_app.consoles.kit.export_button import export_stream
from ops_app.consoles.kit.forms import form
from ops_app.consoles.kit.record import facts
from ops_app.domain.ledger.claimed_commissions import (
    CLAIM_FINDING_NAMES,
    CLAIM_STATE_NAMES,
    DECIDED,
    ClaimFinding,
    ClaimState,
)
from ops_app.domain.organisation.amounts import sorts_for
from ops_app.domain.paging import MOST_COUNTED
from ops_app.services.ledger.claimed_commissions import decide_claim, decide_claims
from ops_app.services.ledger.claimed_reading import (
    SORTS,
    ClaimedLine,
    ClaimedLinesPage,
    ClaimedRecord,
    ClaimFilter,
    list_claimed_lines,
    list_own_claimed_lines,
)

AMOUNTS = ("collected", "received", "eligible", "claimed", "recomputed", "difference")
_DECISIONS = sorted(one.value for one in DECIDED)


def show(at: Here, found: ClaimedRecord, *, own: bool) -> None:
    """The list with its filters, the line selected, and what may be decided."""
    t, labels, currency = at.t, at.labels, found.statement.currency
    st.markdown(f"**{t('claimed.lines_of')}**")
    wanted, sort, descending = _wanted(at, found)
    last: list[ClaimedLinesPage] = []

    def fetch(after: str | None, limit: int) -> tuple[Sequence[ClaimedLine], str | None]:
        read = list_own_claimed_lines if own else list_claimed_lines
        page = read(
            at.actor, at.app.store, now=at.now, wanted=wanted, sort=sort, descending=descending, after=after,
            limit=limit,
        )  # fmt: skip
        last[:] = [page]
        return page.rows, page.next_after

    filters = {"statement": wanted.statement_id, "period": wanted.period or "", "finding": wanted.finding or "",
               "state": wanted.state or ""}  # fmt: skip
    stream = tables.Stream(
        name="claimed_lines", title=t("claimed.lines_of"), columns=_columns(at, currency),
        row_id=lambda it: it.line_id, fetch=fetch,
    )  # fmt: skip
    place = st.container(horizontal=True)
    rows, selected = tables.show_keyed(
        at, stream, filters, empty=t("claimed.no_lines"),
        narrowed=bool(wanted.period or wanted.finding or wanted.state),
    )  # fmt: skip
    if not rows:
        return
    page = last[0]
    total = labels.count(page.total) if page.total <= MOST_COUNTED else t("lists.at_least", count=MOST_COUNTED)
    place.caption(
        t("claimed.total", count=total, differing=labels.count(page.differing),
          difference=labels.money(page.difference_minor, currency))
    )  # fmt: skip
    export_stream(at, stream, filters, place)
    chosen = choose_among(
        at, "claimed_lines", rows, selected, row_id=lambda it: it.line_id, label=t("claimed.open_line"),
        show=lambda it: f"{it.period} · {it.sender_line}",
    )  # fmt: skip
    one = next((it for it in rows if it.line_id == chosen), None)
    if one is not None:
        _line(at, one, currency)
    elif not own and page.differing and at.may("commission.claims"):
        _decide_all(at, found, wanted, page)


def _wanted(at: Here, found: ClaimedRecord) -> tuple[ClaimFilter, str, bool]:
    t, labels, language = at.t, at.labels, at.actor.language
    sorts = [f"{sort}{sign}" for sort in sorts_for(at.actor, SORTS) for sign in "+-"]
    one, two, three, four = st.columns(4)
    with one:
        period = url.choice(
            "claimed_period", t("claimed.period"), ["", *(it.period for it in found.periods)],
            lambda code: code or t("lists.all"), default="", language=language,
        )  # fmt: skip
    with two:
        finding = url.choice(
            "claimed_finding", t("claimed.finding"), ["", *(it.value for it in ClaimFinding)],
            lambda code: labels.named(CLAIM_FINDING_NAMES, code) if code else t("lists.all"), default="",
            language=language,
        )  # fmt: skip
    with three:
        state = url.choice(
            "claimed_state", t("claimed.state"), ["", *(it.value for it in ClaimState)],
            lambda code: labels.named(CLAIM_STATE_NAMES, code) if code else t("lists.all"), default="",
            language=language,
        )  # fmt: skip
    with four:
        sort = url.choice(
            "claimed_sort", t("lists.sort"), sorts,
            lambda code: f"{t(f'claimed.sorts.{code[:-1]}')} {'↓' if code.endswith('-') else '↑'}",
            default=sorts[0], language=language,
        )  # fmt: skip
    wanted = ClaimFilter(
        found.statement.statement_id, period or None, ClaimFinding(finding) if finding else None,
        ClaimState(state) if state else None,
    )  # fmt: skip
    return wanted, sort[:-1], sort.endswith("-")


def _columns(at: Here, currency: str) -> tuple[tables.Column[ClaimedLine], ...]:
    t, labels = at.t, at.labels
    Column = tables.Column[ClaimedLine]

    def amount(key: str) -> tables.Column[ClaimedLine]:
        return Column(
            key, t(f"claimed.{key}"), lambda it: labels.minor(getattr(it, f"{key}_minor"), currency),
            value=lambda it: labels.figure(getattr(it, f"{key}_minor"), currency), right=True,
        )  # fmt: skip

    return (
        Column("period", t("claimed.period"), lambda it: it.period, width="small"),
        Column("sender_line", t("claimed.sender_line"), lambda it: it.sender_line),
        Column("loan", t("cases.loan"), lambda it: it.loan_id),
        *(amount(key) for key in AMOUNTS),
        Column("finding", t("claimed.finding"), lambda it: labels.named(CLAIM_FINDING_NAMES, it.finding)),
        Column("state", t("claimed.state"), lambda it: labels.named(CLAIM_STATE_NAMES, it.state)),
        Column("reason", t("forms.reason"), lambda it: it.reason or "–"),
        Column("by", t("claimed.decided_by"), lambda it: it.decided_by_name or "–"),
    )


def _line(at: Here, one: ClaimedLine, currency: str) -> None:
    t, labels = at.t, at.labels
    st.subheader(t("claimed.line", line=one.sender_line), anchor=False)
    facts(
        {
            t("cases.loan"): one.loan_id,
            t("commission.payment"): one.payment_id or t("claimed.all_payments"),
            **{t(f"claimed.{key}"): labels.money(getattr(one, f"{key}_minor"), currency) for key in AMOUNTS},
            t("claimed.finding"): labels.named(CLAIM_FINDING_NAMES, one.finding),
            t("claimed.state"): labels.named(CLAIM_STATE_NAMES, one.state),
            t("forms.reason"): one.reason or "–",
            t("claimed.decided_by"): one.decided_by_name or "–",
            t("claimed.decided_at"): labels.moment(one.decided_at),
        }
    )
    if one.state is ClaimState.AGREED or not at.may("commission.claims"):
        return
    with form(at, f"claim_{one.line_id}") as f:
        version = f.version(one.version)
        decision = f.choice("decision", t("claimed.decision"), _DECISIONS,
                            lambda it: t(f"claimed.decisions.{it}"), index=None)  # fmt: skip
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("claimed.decide"))
    f.require({"decision": decision})
    f.run(
        lambda _: decide_claim(
            at.actor, at.app.store, now=at.now, line_id=one.line_id, version=version,
            decision=ClaimState(str(decision)), reason=reason,
        ),
        done=t("claimed.decided"),
    )  # fmt: skip


def _decide_all(at: Here, found: ClaimedRecord, wanted: ClaimFilter, page: ClaimedLinesPage) -> None:
    t, one, count = at.t, found.statement, at.labels.count(page.differing)
    with st.expander(t("claimed.decide_all", count=count)), form(at, f"claims_{one.statement_id}") as f:
        version, shown = f.version(one.version), page.differing
        st.caption(t("claimed.decide_all_help", count=count,
                     difference=at.labels.money(page.difference_minor, one.currency)))  # fmt: skip
        decision = f.choice("decision", t("claimed.decision"), _DECISIONS,
                            lambda it: t(f"claimed.decisions.{it}"), index=None)  # fmt: skip
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("claimed.decide"), primary=False)
    f.require({"decision": decision})
    f.run(
        lambda _: decide_claims(
            at.actor, at.app.store, now=at.now, statement_id=one.statement_id, version=version, count=shown,
            decision=ClaimState(str(decision)), reason=reason, period=wanted.period, finding=wanted.finding,
            state=wanted.state,
        ),
        done=lambda it: t("claimed.decided_all", count=at.labels.count(it)),
    )  # fmt: skip
