"""The record of a case: facts above, tabs below, what may be done with it now; personal data masked until asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import streamlit as st

from ops_app.consoles.casework import agreement_parts, conflicts, ledger, limitation, request_parts
from ops_app.consoles.casework.agency_notes import notes
from ops_app.consoles.casework.columns import flags_of, left, number
from ops_app.consoles.casework.editing import forget, seen_version, what_happened
from ops_app.consoles.casework.files import files
from ops_app.consoles.casework.person import calls, contacts, unmasking
from ops_app.consoles.casework.tagged import tags
from ops_app.consoles.kit import names, tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.desk import follow
from ops_app.consoles.kit.forms import form
from ops_app.consoles.kit.record import Happening, facts, history
from ops_app.consoles.kit.watching import watch_case
from ops_app.consoles.ledger.repayment_list import columns as payment_columns
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
from ops_app.domain.errors import DomainError, NotReady
from ops_app.domain.organisation.permissions import GRANTS
from ops_app.services.casework.cases import Case, CaseEvent, CaseRecord, read_case
from ops_app.services.casework.conflicts import declare_conflict
from ops_app.services.casework.moving import clear_flag, move_case, set_flag
from ops_app.services.casework.viewing import MOST_ROWS, case_audit, case_payments, open_case
from ops_app.services.organisation.agencies import agency_codes

TABS = (
    "balance",
    "repayments",
    "ledger",
    "contacts",
    "calls",
    "notes",
    "requests",
    "agreements",
    "placements",
    "files",
    "limitation",
    "events",
    "audit",
)
NEEDS = {"audit": "audit.view", "ledger": "cases.ledger"}
"""Tab → the permission it needs beside that of the page."""
OPENED = "_recoup_opened_case"
OPENED_AGAIN_AFTER = timedelta(minutes=30)
_MOST_LINKED = 20
"""Other cases of a person that have a button; the rest are found by their number."""


def show(at: Here, case_id: str, *, back: Callable[[], None] | None = None) -> bool:
    """The case within reach, or the one sentence that there is none; whether there is one. ``back`` leads to the list
    where the record stands in its place."""
    watch_case(at, case_id)
    try:
        _say_it_is_opened(at, case_id)
        record = read_case(at.actor, at.app.store, now=at.now, case_id=case_id)
    except DomainError as error:
        st.error(error.sentence(at.actor.language))
        return False
    if back is not None:
        st.button(at.t("cases.back"), icon=":material/arrow_back:", on_click=back, key="case_back")
    st.subheader(at.t("cases.one", loan=record.case.loan_id, spell=record.case.spell_no), anchor=False)
    _locked(at, record)
    _facts(at, record)
    with st.container(horizontal=True, vertical_alignment="center"):
        unmasking(at, record.case)
        tags(at, record.case)
    _same_debtor(at, record)
    _act(at, record)
    offered = [code for code in TABS if code not in NEEDS or at.may(NEEDS[code])]
    chosen = url.tab("case_tab", at.t("cases.parts"), offered, lambda code: at.t(f"cases.tabs.{code}"),
                     language=at.actor.language)  # fmt: skip
    shown = {
        "balance": _balance, "repayments": _repayments, "ledger": ledger.section,
        "contacts": _contacts, "calls": calls, "notes": notes,
        "requests": request_parts.section, "agreements": agreement_parts.section,
        "placements": _placements, "files": files, "limitation": limitation.section,
        "events": _events, "audit": _audit,
    }  # fmt: skip
    try:
        shown[chosen](at, record)
    except NotReady as error:  # one part that cannot be shown leaves the others
        st.warning(error.sentence(at.actor.language))
    return True


def _contacts(at: Here, record: CaseRecord) -> None:
    contacts(at, record)
    conflicts.section(at, record.case)


def _say_it_is_opened(at: Here, case_id: str) -> None:
    """Once for each case that is opened, and again after half an hour: not at every click on its page."""
    before = st.session_state.get(OPENED)
    if before is None or before[0] != case_id or at.now - before[1] > OPENED_AGAIN_AFTER:
        open_case(at.actor, at.app.store, now=at.now, case_id=case_id)
        st.session_state[OPENED] = (case_id, at.now)


def _locked(at: Here, record: CaseRecord) -> None:
    """Who has the case open, where this person waits for them."""
    if record.lock is not None:
        until = at.labels.moment(record.lock.until_at)
        st.info(at.t("cases.locked", who=record.lock.held_by_name, until=until))


def _facts(at: Here, record: CaseRecord) -> None:
    t, labels, one = at.t, at.labels, record.case
    state = labels.named(CASE_STATE_NAMES, one.state)
    if one.close_reason:
        state = labels.listing([state, labels.named(CLOSE_REASON_NAMES, one.close_reason)])
    facts(
        {
            t("cases.number"): one.case_id,
            t("cases.debtor"): one.name_masked or "",
            t("cases.phone"): one.phone_masked or "",
            t("cases.national_id"): one.national_id_masked or "",
            t("cases.balance"): labels.money(one.balance_minor, one.currency),
            t("cases.as_of"): labels.day(one.as_of_date),
            t("cases.days_now"): _days_now(at, record),
            t("cases.lenders_days"): f"{labels.count(one.days_past_due)} · {one.bucket}",
            t("cases.by_schedule"): _by_schedule(at, record),
            t("cases.state"): state,
            t("cases.custody"): labels.named(CUSTODY_NAMES, one.custody),
            t("cases.flags"): flags_of(at, one),
            t("cases.agency"): _agency(at, one.agency_code),
            t("cases.collector"): one.collector_name or "",
            t("cases.may_contact"): _verdict(at, record.against_contact),
        }
    )


def _days_now(at: Here, record: CaseRecord) -> str:
    """Days past due and bucket now, and whose word that is: a payment and a reversal move those by the schedule at
    once, the lender's wait for its next feed."""
    found, one = record.by_schedule, record.case
    days, bucket = (one.days_past_due, one.bucket) if found is None else (found.now, found.bucket)
    text = "cases.now_by_lender" if found is None else "cases.now_by_schedule"
    return at.t(text, days=at.labels.count(days), bucket=bucket)


def _by_schedule(at: Here, record: CaseRecord) -> str:
    """Days past due by the schedule on the lender's day, and by how much they differ from the lender's."""
    found, labels = record.by_schedule, at.labels
    if found is None:
        return at.t("cases.no_schedule")
    if found.days_apart:
        return at.t("cases.schedule_differs", days=labels.count(found.then), difference=f"{found.days_apart:+d}")
    return at.t("cases.schedule_agrees", days=labels.count(found.then))


def _agency(at: Here, code: str | None) -> str:
    """An agency by code and name, for whoever may look at agencies."""
    if code is None:
        return ""
    known = agency_codes(at.actor, at.app.store) if at.may("agencies.view") else {}
    return f"{code} {known[code]}" if code in known else code


def _same_debtor(at: Here, record: CaseRecord) -> None:
    """The other cases of the person, together with this one."""
    t, labels = at.t, at.labels
    if record.same_debtor:
        others = (
            tables.Column[Case]("loan", t("cases.loan"), lambda it: it.loan_id),
            number(at, lambda it: it),
            tables.Column[Case]("spell", t("cases.spell"), lambda it: str(it.spell_no)),
            tables.Column[Case]("balance", t("cases.balance"), lambda it: labels.money(it.balance_minor, it.currency)),
            tables.Column[Case]("state", t("cases.state"), lambda it: labels.named(CASE_STATE_NAMES, it.state)),
        )
        st.caption(t("cases.same_debtor"))
        tables.show_rows(others, record.same_debtor, title=t("cases.same_debtor"))
        with st.container(horizontal=True):
            for it in record.same_debtor[:_MOST_LINKED]:
                st.button(
                    t("cases.open_one", loan=it.loan_id, spell=it.spell_no), key=f"to_case_{it.case_id}",
                    on_click=follow, args=("case", record.case.case_id, it.case_id),
                )  # fmt: skip


def _verdict(at: Here, reasons: Sequence[Reason]) -> str:
    if not reasons:
        return at.t("labels.yes")
    said = [one.zh if at.actor.language == "zh" else one.en for one in reasons]
    return at.t("cases.may_not", why=at.labels.listing(said))


def _act(at: Here, record: CaseRecord) -> None:
    """Moves and flags, those that this state allows and this person may; on the version of the case they have seen."""
    t, one = at.t, record.case
    version = seen_version(at, one)
    offered = [
        f"move.{what.value}" for what in record.moves if what not in BY_THEIR_OWN_ACT and at.may(MOVE_PERMISSIONS[what])
    ]
    if at.may("cases.flag") and one.closed_date is None:
        offered += [f"set.{flag.value}" for flag in Flag if flag not in one.flags]
    if at.may("cases.clear_flag"):
        offered += [f"clear.{flag.value}" for flag in Flag if flag in one.flags]
    if at.may("cases.conflict") and one.collector_id and one.closed_date is None:
        offered.append(conflicts.DECLARE)
    if not offered:
        needed = sorted({MOVE_PERMISSIONS[what] for what in record.moves if what not in BY_THEIR_OWN_ACT})
        who = names.roles(at, {role for permission in (*needed, "cases.flag") for role in GRANTS[permission]})
        st.caption(t("cases.closed_no_act") if one.closed_date else t("cases.who_acts", roles=who))
        return
    with st.expander(t("cases.act")):
        with form(at, f"act_{one.case_id}") as f:
            chosen = f.choice("what", t("cases.what"), offered, lambda code: _named(at, code), index=None)
            reason = f.reason("reason", t("forms.reason"))
            f.submit(t("cases.do"))
        f.require({"what": chosen})
        f.run(lambda _key: _do(at, one.case_id, version, str(chosen), reason), done=t("cases.done"))


def _named(at: Here, code: str) -> str:
    kind, what = code.split(".", 1)
    if code == conflicts.DECLARE:
        return at.t("conflicts.declare")
    if kind == "move":
        return at.labels.named(CASE_MOVE_NAMES, what)
    return at.t("cases.set_flag" if kind == "set" else "cases.clear_flag", flag=at.labels.named(FLAG_NAMES, what))


def _do(at: Here, case_id: str, version: int, code: str, reason: str) -> None:
    kind, what = code.split(".", 1)
    given = {"now": at.now, "case_id": case_id, "version": version, "reason": reason}
    if kind == "move":
        move_case(at.actor, at.app.store, move=CaseMove(what), **given)
    elif code == conflicts.DECLARE:
        declare_conflict(at.actor, at.app.store, **given)
    elif kind == "set":
        set_flag(at.actor, at.app.store, flag=Flag(what), **given)
    else:
        clear_flag(at.actor, at.app.store, flag=Flag(what), **given)
    forget(case_id)


def _balance(at: Here, record: CaseRecord) -> None:
    t, labels, one = at.t, at.labels, record.case
    facts(
        {
            **{t(f"cases.{part}"): labels.money(getattr(one, f"{part}_minor"), one.currency)
               for part in ("principal", "interest", "fees", "penalty")},
            t("cases.opened"): labels.day(one.opened_date),
            t("cases.opened_by"): t(
                "cases.source_row", rule=names.rule(at, one.opened_rule), version=one.opened_rule_version,
                file=one.opened_file_id[:12], line=one.opened_line_no,
            ),
            t("cases.closed"): labels.day(one.closed_date),
            t("cases.written_off"): labels.day(one.written_off_date),
        }
    )  # fmt: skip
    ledger.calculator(at, record)


def _repayments(at: Here, record: CaseRecord) -> None:
    t, labels = at.t, at.labels
    rows = case_payments(at.actor, at.app.store, now=at.now, case_id=record.case.case_id)
    if not rows:
        st.caption(t("cases.no_repayments"))
        return
    # the loan is that of the case, and its source too
    columns = [one for one in payment_columns(at) if one.key not in ("loan", "source")]
    tables.show_rows(columns, rows, title=t("cases.tabs.repayments"))
    if len(rows) >= MOST_ROWS:
        st.caption(t("cases.newest_only", count=labels.count(MOST_ROWS)))


def _audit(at: Here, record: CaseRecord) -> None:
    rows = case_audit(at.actor, at.app.store, now=at.now, case_id=record.case.case_id)
    history(
        at,
        [
            Happening(
                it.occurred_at,
                it.actor_name,
                at.labels.code("action", it.action),
                names.system_reason(at, it.reason, it.actor_id) if it.reason else it.after_json,
            )
            for it in rows
        ],
    )


def _placements(at: Here, record: CaseRecord) -> None:
    t, labels = at.t, at.labels
    rows = [
        (
            t("cases.nth_placement", nth=it.nth),
            _agency(at, it.agency_code),
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
    """Every move: what, from which state to which, in whose hands, with whom, by whom and why; newest first."""
    t, labels = at.t, at.labels
    people = {it.collector_id: it.collector_name or "" for it in record.assignments}

    def whom(one: CaseEvent) -> str:
        places = (one.detail.get(name) for name in ("placed_with", "recalled_from"))
        named = next((str(it) for it in places if it), "")
        return named or people.get(str(one.detail.get("to") or ""), "") or "–"

    def why(one: CaseEvent) -> str:
        return names.system_reason(at, one.reason, one.made_by)

    Column = tables.Column[CaseEvent]
    columns = (
        Column("when", t("record.when"), lambda it: labels.moment(it.made_at)),
        Column("what", t("cases.happened"), lambda it: what_happened(at, it)),
        Column("from", t("cases.from_state"), lambda it: labels.named(CASE_STATE_NAMES, it.from_state)),
        Column("to", t("cases.to_state"), lambda it: labels.named(CASE_STATE_NAMES, it.to_state)),
        Column("custody", t("cases.custody"), lambda it: labels.named(CUSTODY_NAMES, it.custody)),
        Column("whom", t("cases.with"), whom),
        Column("who", t("record.who"), lambda it: it.made_by_name),
        Column("why", t("record.why"), why, width="large"),
    )
    if not record.events:
        st.caption(t("record.nothing"))
        return
    tables.show_rows(columns, record.events[::-1], title=t("cases.tabs.events"))
