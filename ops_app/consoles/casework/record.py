"""The record of a case: facts above, tabs below, what may be done with it now; personal data masked until asked for."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ops_app.consoles.casework import request_parts
from ops_app.consoles.casework.lists import flags_of, left
from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.consoles.kit.record import Happening, facts, history
from ops_app.domain.casework.cases import (
    BY_THEIR_OWN_ACT,
    CASE_MOVE_NAMES,
    CASE_STATE_NAMES,
    CLOSE_REASON_NAMES,
    CUSTODY_NAMES,
    MOVE_PERMISSIONS,
    CaseMove,
)
from ops_app.domain.casework.flags import FLAG_NAMES, Flag, Reason
from ops_app.domain.casework.personal import PERSONAL_FIELD_NAMES, PersonalField
from ops_app.domain.errors import DomainError
from ops_app.services.casework.cases import Case, CaseEvent, CaseRecord, read_case
from ops_app.services.casework.finding import unmask
from ops_app.services.casework.moving import clear_flag, move_case, set_flag

TABS = ("balance", "requests", "placements", "events")


def show(at: Here, case_id: str) -> None:
    """The case within reach, or the one sentence that there is none."""
    try:
        record = read_case(at.actor, at.app.store, now=at.now, case_id=case_id)
    except DomainError as error:
        st.error(error.sentence(at.actor.language))
        return
    st.subheader(at.t("cases.one", loan=record.case.loan_id, spell=record.case.spell_no), anchor=False)
    _facts(at, record)
    _unmask(at, record.case)
    _act(at, record)
    chosen = url.tab("case_tab", at.t("cases.parts"), TABS, lambda code: at.t(f"cases.tabs.{code}"),
                     language=at.actor.language)  # fmt: skip
    {"balance": _balance, "placements": _placements, "events": _events,
     "requests": request_parts.section}[chosen](at, record)  # fmt: skip


def _facts(at: Here, record: CaseRecord) -> None:
    t, labels, one = at.t, at.labels, record.case
    state = labels.named(CASE_STATE_NAMES, one.state)
    if one.close_reason:
        state = labels.listing([state, labels.named(CLOSE_REASON_NAMES, one.close_reason)])
    facts(
        {
            t("cases.debtor"): one.name_masked or "",
            t("cases.phone"): one.phone_masked or "",
            t("cases.national_id"): one.national_id_masked or "",
            t("cases.balance"): labels.money(one.balance_minor, one.currency),
            t("cases.as_of"): labels.day(one.as_of_date),
            t("cases.days_past_due"): f"{labels.count(one.days_past_due)} · {one.bucket}",
            t("cases.state"): state,
            t("cases.custody"): labels.named(CUSTODY_NAMES, one.custody),
            t("cases.flags"): flags_of(at, one),
            t("cases.agency"): one.agency_code or "",
            t("cases.collector"): one.collector_name or "",
            t("cases.may_contact"): _verdict(at, record.against_contact),
        }
    )


def _verdict(at: Here, reasons: Sequence[Reason]) -> str:
    if not reasons:
        return at.t("labels.yes")
    said = [one.zh if at.actor.language == "zh" else one.en for one in reasons]
    return at.t("cases.may_not", why=at.labels.listing(said))


def _unmask(at: Here, one: Case) -> None:
    if not at.may("cases.unmask"):
        return
    t = at.t
    with st.popover(t("cases.unmask")):
        with form(at, f"unmask_{one.case_id}") as f:
            codes = [field.value for field in PersonalField if at.may(f"fields.{field.value}")]
            field = f.choice("field", t("cases.field"), codes, lambda code: at.labels.named(PERSONAL_FIELD_NAMES, code))
            reason = f.reason("reason", t("forms.reason"))
            f.submit(t("cases.unmask"))
        f.run(
            lambda _key: unmask(
                at.actor, at.app.store, now=at.now, case_id=one.case_id, field=PersonalField(field or codes[0]),
                reason=reason, evidence=at.app.settings.evidence,
            ),
            done=lambda value: f"{at.labels.named(PERSONAL_FIELD_NAMES, field)}: {value}",
        )  # fmt: skip


def _act(at: Here, record: CaseRecord) -> None:
    """Moves and flags, those that this state allows and this person may."""
    t, one = at.t, record.case
    offered = [
        f"move.{what.value}" for what in record.moves if what not in BY_THEIR_OWN_ACT and at.may(MOVE_PERMISSIONS[what])
    ]
    if at.may("cases.flag") and one.closed_date is None:
        offered += [f"set.{flag.value}" for flag in Flag if flag not in one.flags]
    if at.may("cases.clear_flag"):
        offered += [f"clear.{flag.value}" for flag in Flag if flag in one.flags]
    if not offered:
        return
    with st.expander(t("cases.act")):
        with form(at, f"act_{one.case_id}_{one.version}") as f:
            chosen = f.choice("what", t("cases.what"), offered, lambda code: _named(at, code), index=None)
            reason = f.reason("reason", t("forms.reason"))
            f.submit(t("cases.do"))
        f.require({"what": chosen})
        f.run(lambda _key: _do(at, one, str(chosen), reason), done=t("cases.done"))


def _named(at: Here, code: str) -> str:
    kind, what = code.split(".", 1)
    if kind == "move":
        return at.labels.named(CASE_MOVE_NAMES, what)
    return at.t("cases.set_flag" if kind == "set" else "cases.clear_flag", flag=at.labels.named(FLAG_NAMES, what))


def _do(at: Here, one: Case, code: str, reason: str) -> None:
    kind, what = code.split(".", 1)
    given = {"now": at.now, "case_id": one.case_id, "version": one.version, "reason": reason}
    if kind == "move":
        move_case(at.actor, at.app.store, move=CaseMove(what), **given)
    elif kind == "set":
        set_flag(at.actor, at.app.store, flag=Flag(what), **given)
    else:
        clear_flag(at.actor, at.app.store, flag=Flag(what), **given)


def _balance(at: Here, record: CaseRecord) -> None:
    t, labels, one = at.t, at.labels, record.case
    facts(
        {
            **{t(f"cases.{part}"): labels.money(getattr(one, f"{part}_minor"), one.currency)
               for part in ("principal", "interest", "fees", "penalty")},
            t("cases.opened"): labels.day(one.opened_date),
            t("cases.opened_by"): t("cases.source_row", rule=one.opened_rule, version=one.opened_rule_version,
                                    file=one.opened_file_id[:12], line=one.opened_line_no),
            t("cases.closed"): labels.day(one.closed_date),
            t("cases.written_off"): labels.day(one.written_off_date),
        }
    )  # fmt: skip
    if record.same_debtor:
        others = (
            tables.Column[Case]("loan", t("cases.loan"), lambda it: it.loan_id),
            tables.Column[Case]("spell", t("cases.spell"), lambda it: str(it.spell_no)),
            tables.Column[Case]("balance", t("cases.balance"), lambda it: labels.money(it.balance_minor, it.currency)),
            tables.Column[Case]("state", t("cases.state"), lambda it: labels.named(CASE_STATE_NAMES, it.state)),
        )
        st.caption(t("cases.same_debtor"))
        tables.show_rows(others, record.same_debtor, title=t("cases.same_debtor"))


def _placements(at: Here, record: CaseRecord) -> None:
    t, labels = at.t, at.labels
    rows = [
        (
            t("cases.nth_placement", nth=it.nth),
            it.agency_code,
            it.placed_at,
            it.ended_at,
            it.end_reason,
            labels.money(it.placed_balance_minor, it.currency) if it.ended_at else left(at, it.due_at - at.now),
        )
        for it in record.placements
    ]
    for it in record.assignments:
        who = it.collector_name or "–"
        rows.append((t("cases.nth_assignment", nth=it.nth), who, it.assigned_at, it.ended_at, it.end_reason, "–"))
    if not rows:
        st.caption(t("record.nothing"))
        return
    columns = (
        tables.Column("nth", t("cases.nth"), lambda row: row[0]),
        tables.Column("who", t("cases.with"), lambda row: row[1]),
        tables.Column("from", t("cases.placed_at"), lambda row: labels.moment(row[2])),
        tables.Column("to", t("cases.ended_at"), lambda row: labels.moment(row[3])),
        tables.Column("reason", t("cases.end_reason"), lambda row: labels.code("end_reason", row[4])),
        tables.Column("more", t("cases.balance_or_left"), lambda row: row[5]),
    )
    tables.show_rows(columns, rows, title=t("cases.tabs.placements"))


def _events(at: Here, record: CaseRecord) -> None:
    def said(one: CaseEvent) -> str:
        state = at.labels.named(CASE_STATE_NAMES, one.to_state)
        return at.t("cases.event", what=at.labels.code("action.case", one.what), state=state)

    def why(one: CaseEvent) -> str:
        return at.labels.code("system_reason", one.reason.replace(" ", "_")) if one.made_by == "system" else one.reason

    history(at, [Happening(one.made_at, one.made_by_name, said(one), why(one)) for one in record.events])
