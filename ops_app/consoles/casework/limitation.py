"""The limitation of one case: its clock, every row of what interrupted it, and forms to add one or take one back; as a
record of its own on the page of the queue, and as a part of the record of a case."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.consoles.kit.record import facts
from ops_app.domain.casework.limitation import INTERRUPTION_NAMES, LONGEST_EVIDENCE, InterruptionKind
from ops_app.domain.errors import DomainError
from ops_app.services.casework.cases import CaseRecord
from ops_app.services.casework.limitation import (
    InterruptionRow,
    LimitationRecord,
    StoredClock,
    read_limitation,
    record_interruption,
    withdraw_interruption,
)
from ops_app.services.organisation.parameter_catalogue import catalogue


def show(at: Here, case_id: str) -> None:
    """The record, or the one sentence for a case that is missing or foreign."""
    try:
        found = read_limitation(at.actor, at.app.store, now=at.now, case_id=case_id)
    except DomainError as error:
        st.error(error.sentence(at.actor.language))
        return
    st.subheader(f"{found.case.loan_id} · {found.case.name_masked or '–'}", anchor=False)
    _whole(at, found)


def section(at: Here, record: CaseRecord) -> None:
    """The part of the record of a case."""
    _whole(at, read_limitation(at.actor, at.app.store, now=at.now, case_id=record.case.case_id))


def left(at: Here, clock: StoredClock) -> str:
    """How long it still runs, or since when it has expired."""
    days = (clock.expires_date - at.today).days
    if days == 0:
        return at.t("limitation.today")
    return at.t("limitation.left" if days > 0 else "limitation.over", days=at.labels.days(abs(days)))


def _whole(at: Here, found: LimitationRecord) -> None:
    t, labels, one = at.t, at.labels, found.case
    if found.clock is None:
        st.info(t("limitation.closed"))
    else:
        clock, packs = found.clock, catalogue().packs
        facts(
            {
                t("limitation.expires"): f"{labels.day(clock.expires_date)} · {left(at, clock)}",
                t("limitation.due"): labels.day(clock.due_date),
                t("limitation.started"): labels.day(clock.started_date),
                t("limitation.years"): t("limitation.years_of", count=labels.count(clock.years)),
                t("limitation.pack"): labels.named(packs, clock.pack),
                t("cases.balance"): labels.money(one.balance_minor, one.currency),
            }
        )
        st.caption(t("limitation.computed" if clock.started_date == clock.due_date else "limitation.computed_anew"))
    _rows(at, found)
    if not at.may("cases.interrupt"):
        st.caption(t("limitation.only_look"))
        return
    _add(at, found)
    _take_back(at, found)


def _rows(at: Here, found: LimitationRecord) -> None:
    t, labels = at.t, at.labels
    st.markdown(f"**{t('limitation.record')}**")
    if not found.rows:
        st.caption(t("limitation.nothing"))
        return
    gone = {row.withdraws for row in found.rows}

    def effect(row: InterruptionRow) -> str:
        if row.withdraws is not None:
            return t("limitation.takes_back", nth=row.withdraws)
        if row.nth in gone:
            return t("limitation.taken_back")
        return t("limitation.counts") if row.nth in found.counted else t("limitation.counts_not")

    Column = tables.Column[InterruptionRow]
    columns = (
        Column("nth", t("limitation.number"), lambda row: str(row.nth), width="small"),
        Column("kind", t("limitation.kind"), lambda row: labels.named(INTERRUPTION_NAMES, row.kind)),
        Column("happened", t("limitation.happened"), lambda row: labels.day(row.happened_date)),
        Column("evidence", t("limitation.evidence"), lambda row: row.evidence, width="large"),
        Column("effect", t("limitation.effect"), effect),
        Column("who", t("limitation.who"), lambda row: row.made_by_name),
        Column("when", t("limitation.when"), lambda row: labels.moment(row.made_at)),
    )
    tables.show_rows(columns, found.rows, title=t("limitation.record"))


def _add(at: Here, found: LimitationRecord) -> None:
    t, case_id = at.t, found.case.case_id
    with st.expander(t("limitation.add"), expanded=True):
        with form(at, f"interrupt_{case_id}") as f:
            kind = f.choice("kind", t("limitation.kind"), [it.value for it in InterruptionKind],
                            lambda code: at.labels.named(INTERRUPTION_NAMES, code), index=None)  # fmt: skip
            day = f.day("happened_date", t("limitation.happened"), None)
            evidence = f.text("evidence", t("limitation.evidence"), max_chars=LONGEST_EVIDENCE)
            f.submit(t("limitation.add_it"))
        f.require({"kind": kind, "happened_date": day, "evidence": evidence})
        f.run(
            lambda key: record_interruption(
                at.actor, at.app.store, now=at.now, case_id=case_id, kind=InterruptionKind(str(kind)),
                happened_date=day, evidence=evidence, key=key,
            ),
            done=lambda it: t("limitation.recorded", day=at.labels.day(it.clock.expires_date if it.clock else None)),
        )  # fmt: skip


def _take_back(at: Here, found: LimitationRecord) -> None:
    t, case_id = at.t, found.case.case_id
    gone = {row.withdraws for row in found.rows}
    standing = {str(row.nth): row for row in found.rows if row.withdraws is None and row.nth not in gone}
    if not standing:
        return

    def shown(nth: str) -> str:
        row = standing[nth]
        return f"{nth} · {at.labels.named(INTERRUPTION_NAMES, row.kind)} · {at.labels.day(row.happened_date)}"

    with st.expander(t("limitation.take_back")):
        with form(at, f"take_back_{case_id}_{len(found.rows)}") as f:
            nth = f.choice("which", t("limitation.which"), list(standing), shown, index=None)
            reason = f.reason("reason", t("forms.reason"))
            f.submit(t("limitation.take_it_back"))
        f.require({"which": nth})
        f.run(
            lambda _key: withdraw_interruption(
                at.actor, at.app.store, now=at.now, case_id=case_id, nth=int(str(nth)), reason=reason
            ),
            done=t("limitation.withdrawn"),
        )
