"""Asking for a batch: what is wanted, a preview of what it would come to, the request that a second person decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta

import streamlit as st

from ops_app.consoles.casework import choosing
from ops_app.consoles.kit import names, refusals, tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.consoles.kit.sitting import Said
from ops_app.consoles.kit.subjects import batch_address
from ops_app.consoles.pages import PAGES
from ops_app.domain.canonical import key_hash
from ops_app.domain.casework.flags import Reason
from ops_app.domain.casework.placing import PLACING, WITH_END, BatchKind, batch_number
from ops_app.domain.errors import DomainError
from ops_app.domain.organisation.agencies import MOVERS, AgencyMove
from ops_app.gateways.clock import close_of
from ops_app.services.casework.batches import Asked, Batch, Preview, preview_batch, submit_batch
from ops_app.services.casework.cases import Case
from ops_app.services.casework.following import usual_term
from ops_app.services.casework.judging import RISKS
from ops_app.services.organisation.agencies import agency_codes

_LONG = 500
"""From so many cases on a person is told that it takes a while."""
_MOST_SHOWN = 200
_AGENCIES = next(spec.path for spec in PAGES if spec.key == "agencies")
REFUSED = "cases_bulk"
"""The place of what the last act on several cases refused."""


def show(at: Here, kind: BatchKind, chosen: Sequence[Case]) -> None:
    """The form for these cases."""
    t = at.t
    agencies = agency_codes(at.actor, at.app.store) if kind in PLACING else {}
    if kind in PLACING and not agencies:
        st.info(t("cases.no_agency_takes", roles=names.roles(at, MOVERS[AgencyMove.ADMIT])))
        if at.may("agencies.view"):
            st.page_link(_AGENCIES, label=t("cases.open_agencies"))
        return
    if kind is BatchKind.RECALL:
        st.caption(t("cases.recall_by_notice"))
    elif kind is BatchKind.WITHDRAW_RECALL:
        st.caption(t("cases.withdraw_recall_help"))
    with form(at, f"{kind.value}_{mark(chosen)}") as f:
        agency: str | None = None
        due: date | None = None
        one, two = st.columns(2)
        if agencies:
            with one:
                agency = f.choice(
                    "agency_code",
                    t("cases.agency"),
                    list(agencies),
                    lambda code: f"{code} {agencies[code]}",
                    index=None,
                )
        if kind in WITH_END:
            with two:
                due = f.day("due_at", t("cases.due_date"), _usual(at, chosen[0]))
        reason = f.reason("reason", t("forms.reason"))
        leave_out = f.tick("cases", t("cases.leave_out"))
        asked = Asked(kind, f.version(_wanted(chosen)), at.app.settings.timezone, agency, until(at, due))
        with st.container(horizontal=True):
            look = f.look(t("cases.preview"), lambda: preview_batch(at.actor, at.app.store, now=at.now, asked=asked))
            f.submit(t("cases.ask"))
    found = look()
    if found is not None:
        show_preview(at, kind, found, len(chosen))
    needed: dict[str, object] = {"agency_code": agency} if agencies else {}
    f.require(needed | ({"due_at": due} if kind in WITH_END else {}))

    def submit(key: str) -> tuple[Batch, ...]:
        def run() -> tuple[Batch, ...]:
            return submit_batch(
                at.actor, at.app.store, now=at.now, asked=asked, reason=reason, leave_out=leave_out, key=key
            )

        if len(chosen) < _LONG:
            return run()
        with st.spinner(t("cases.working", count=at.labels.count(len(chosen))), show_time=True):
            return run()

    f.run(
        submit, done=lambda made: _said(at, made), refused=lambda refused: keep_refused(at, refused, chosen)
    )  # fmt: skip


def called(chosen: Sequence[Case]) -> Callable[[str], str]:
    """What a case of those is called in a table: its loan."""
    loans = {one.case_id: one.loan_id for one in chosen}
    return lambda case_id: loans.get(case_id, case_id)


def keep_refused(at: Here, refused: Mapping[str, DomainError], chosen: Sequence[Case], *, place: str = REFUSED) -> str:
    """Keep what was refused of the cases for the table above the form; the sentence that points to it."""
    refusals.keep(place, refusals.rows_of(refused, called(chosen)), rest_done=False)
    count = at.labels.count
    return at.t("refusals.see_table", count=count(len(refused)), total=count(len(chosen)))


def mark(chosen: Sequence[Case]) -> str:
    """A name for a form about these very cases."""
    return key_hash(*sorted(one.case_id for one in chosen))[:16]


def said_reasons(at: Here, reasons: Sequence[Reason]) -> str:
    """Reasons in one cell, in the person's language."""
    return at.labels.listing([one.zh if at.actor.language == "zh" else one.en for one in reasons])


def show_preview(at: Here, kind: BatchKind, found: Preview, total: int) -> None:
    """What a request for a batch of ``total`` cases would come to."""
    t, labels = at.t, at.labels
    with st.container(border=True):
        fit = sum(one.count for one in found.totals)
        st.markdown(t("cases.preview_said", fit=labels.count(fit), total=labels.count(total)))
        for one in found.totals:
            st.markdown(
                t(
                    "cases.preview_total", count=labels.count(one.count),
                    principal=labels.money(one.principal_minor, one.currency),
                    balance=labels.money(one.balance_minor, one.currency),
                )
            )  # fmt: skip
        if found.effective:
            first, last = (labels.moment(it) for it in found.effective)
            said = "ends_again" if kind is BatchKind.WITHDRAW_RECALL else "takes_effect"
            st.markdown(t(f"cases.{said}" if first == last else f"cases.{said}_between", first=first, last=last))
        for reason in found.against:
            st.error(reason.zh if at.actor.language == "zh" else reason.en)
        for risk in found.risks:
            st.warning(labels.named(RISKS, risk))
        if found.excluded:
            st.caption(t("cases.left_out", count=labels.count(len(found.excluded))))
            columns = (
                tables.Column[tuple[str, str, tuple[Reason, ...]]]("loan", t("cases.loan"), lambda row: row[1]),
                tables.Column[tuple[str, str, tuple[Reason, ...]]](
                    "why", t("cases.why_left_out"), lambda row: said_reasons(at, row[2]), width="large"
                ),
            )
            tables.show_rows(columns, found.excluded[:_MOST_SHOWN], title=t("cases.why_left_out"))


def _usual(at: Here, one: Case) -> date:
    return at.today + timedelta(days=usual_term(at.actor, at.app.store, now=at.now, today=at.today, one=one))


def until(at: Here, due: date | None) -> datetime | None:
    """The moment at which a placement that ends with a day ends."""
    return None if due is None else close_of(due, at.app.settings.zone)


def _wanted(chosen: Sequence[Case]) -> dict[str, int]:
    return {one.case_id: one.version for one in chosen}


def _said(at: Here, made: Sequence[Batch]) -> Said:
    choosing.begin_again()
    labels = at.labels
    refusals.keep(REFUSED, ())  # what was left out stands with its batch, to which the notice links
    sentences = [
        at.t(
            "cases.asked_for", number=batch_number(one.batch_id, one.made_at), count=labels.count(one.case_count),
            left=labels.count(one.excluded_count), balance=labels.money(one.balance_minor, one.currency),
        )
        for one in made
    ]  # fmt: skip
    links = [
        (at.t("cases.see_numbered", number=batch_number(one.batch_id, one.made_at)), batch_address(one.batch_id))
        for one in made
    ]
    return Said(" ".join(sentences) if at.actor.language != "zh" else "".join(sentences), tuple(links))
