"""Intake: what the loans feed makes of cases, taken into the ops store. One transaction a business day.

A run compares what the feed says with what is there and writes what differs; the same day again changes nothing.
Cases of spells that are over stay as they are unless an earlier day of the feed changed after the fact: then every
spell of that source is worked out anew, and what reads otherwise is restated, each with an event that says so.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy.engine import Connection

from ops_app.domain.canonical import key_hash
from ops_app.domain.casework.cases import CaseMove, CloseReason, Custody, debtor_key, moves_from
from ops_app.domain.casework.loan_day import as_pushed, file_mark, was_pushed
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.casework.changing import Change, altered, apply, moved
from ops_app.services.casework.ending import end_lapsed, end_placements, settle_balances
from ops_app.services.casework.intake_changes import Differences, differences, opened
from ops_app.services.casework.intake_terms import IntakeTerms
from ops_app.services.casework.limitation import wind
from ops_app.services.ledger.feed_balances import settle
from ops_app.services.organisation.parameter_reading import in_force
from ops_app.store.casework import case_writing, cases, debtor_parts, debtors, ended_balances, intake, periods
from ops_app.store.casework.cases import Case
from ops_app.store.casework.debtors import DebtorData
from ops_app.store.casework.intake import CLOSING, FACTS, OPENING
from ops_app.store.casework.keys import PersonalKey
from ops_app.store.casework.periods import CaseEvent
from ops_app.store.store import Store, Transaction

__all__ = ["DebtorData", "IntakeFound", "IntakeState", "TakenIn", "apply_intake", "intake_state", "missing_loans"]

_BY_FEED = "loans feed"
_LOAN = ("source_code", "loan_id")


@dataclass(frozen=True)
class IntakeState:
    """What earlier runs left: ``spells`` (source_code, loan_id, spell_no, is_open), ``days`` (source, day → mark of the
    content that was taken in), ``last_date`` (the last business date that took something in) and ``debtors``
    (debtor_key, content_mark); ``terms`` are the parameters that a run reads."""

    spells: pl.DataFrame
    days: dict[tuple[str, date], str]
    last_date: date | None
    debtors: pl.DataFrame
    terms: IntakeTerms


@dataclass(frozen=True)
class IntakeFound:
    """What a run found: the spells its days touch (``engines/intake.py``), loans missing from the full feed of the
    business date, the sources that sent it, the days it took in with their marks, and customers to enter or renew.

    ``whole`` names the sources of which every spell was worked out anew. ``alone``: it is about single loans that were
    pushed, and nothing else is looked at. ``last_rows`` (source_code, loan_id, as_of_date) has the latest row of each
    loan that was read; without it the spells say it.
    """

    spells: pl.DataFrame
    missing: pl.DataFrame
    sent: frozenset[str]
    days: Sequence[tuple[str, date, str]]
    debtors: Sequence[DebtorData]
    whole: frozenset[str] = frozenset()
    alone: bool = False
    last_rows: pl.DataFrame | None = None


@dataclass(frozen=True)
class TakenIn:
    """What a run changed."""

    opened: int = 0
    refreshed: int = 0
    closed: int = 0
    restated: int = 0
    queued: int = 0
    written_off: int = 0
    lapsed: int = 0
    missing: int = 0
    found_again: int = 0
    debtors: int = 0


@act("cases.intake")
def intake_state(actor: Actor, store: Store, *, now: datetime) -> IntakeState:
    """What the next run of intake starts from."""
    with store.reading() as connection:
        spells, days, marks = intake.spells(connection), intake.days(connection), debtors.marks(connection)
        terms = IntakeTerms(in_force(connection))
    return IntakeState(
        pl.DataFrame(
            spells,
            schema={"source_code": pl.String, "loan_id": pl.String, "spell_no": pl.Int64, "is_open": pl.Boolean},
            orient="row",
        ),
        {(source, day): mark for source, day, mark, _ in days},
        max((taken for *_, mark, taken in days if file_mark(mark) is not None), default=None),
        pl.DataFrame(marks, schema={"debtor_key": pl.String, "content_mark": pl.String}, orient="row"),
        terms,
    )


@act("cases.intake")
def apply_intake(
    actor: Actor, store: Store, *, now: datetime, business_date: date, found: IntakeFound, evidence: Path
) -> TakenIn:
    """Open, refresh, close and restate cases as ``found`` says; recall placements whose time is up; report loans that
    are missing; enter debtors. One audit row for a run that changed something; each case has its own events."""
    with store.writing(actor, now) as transaction:
        return apply_found(transaction, business_date, found, evidence)


def apply_found(transaction: Transaction, business_date: date, found: IntakeFound, evidence: Path) -> TakenIn:
    """``apply_intake`` within somebody's transaction. A loan that is known as of a later day, because it was pushed, is
    left as it is."""
    connection = transaction.connection
    _hold(transaction, found)
    ahead = {} if found.alone else _ahead(connection, found)
    if ahead:
        found = replace(found, spells=found.spells.join(_loans(ahead), on=_LOAN, how="anti"))
    there = (
        intake.known_of(connection, found.spells["case_id"].to_list())
        if found.alone
        else [row for row in intake.known(connection, found.whole) if (row[1], row[2]) not in ahead]
    )
    changed = differences(found.spells, there, found.whole)
    if not found.alone:
        ended_balances.keep(connection, transaction.now)  # of what is over already, before the day's balances come in
    # before anything closes: what was over is no end by closing, whether or not the watch came by since
    lapsed = end_lapsed(transaction, business_date, among=set(found.spells["case_id"]) if found.alone else None)
    columns = (*FACTS, *OPENING) if changed.reopens else FACTS
    intake.refresh(connection, changed.fresh, columns)
    moves = _move(transaction, changed, business_date)
    _open(transaction, changed)  # last: a loan's old spell is closed by now, and it is in one at a time
    wind(connection, [*changed.restated, *changed.revived], anew=True)
    wind(connection, found.spells["case_id"].to_list() if found.alone else None)
    settle_balances(connection, business_date)
    settled = settle(transaction, {*found.spells["case_id"], *changed.touched}, business_date)
    _note_spells(transaction, found, ahead)
    # a loan that was pushed as of a later day may be younger than this one
    later = {loan for loan, day in ahead.items() if day > business_date}
    missed, again = _report_missing(transaction, found, business_date, later)
    _enter_debtors(transaction, found.debtors, evidence)
    if found.alone and changed.new:  # the file of the customer may come later, or never
        enter_pushed(transaction, {debtor_key(row["source_code"], row["customer_id"]) for row in changed.new}, evidence)
    if found.days:
        _note_days(connection, found, business_date)
    done = TakenIn(
        opened=len(changed.new),
        refreshed=len(changed.fresh),
        closed=len(changed.closed) + len(changed.withdrawn),
        restated=len(changed.restated) + len(changed.revived),
        queued=sum(one.what == CaseMove.QUEUE.value for one in moves),
        written_off=len(changed.written_off),
        lapsed=lapsed,
        missing=missed,
        found_again=again,
        debtors=len(found.debtors),
    )
    if any(asdict(done).values()) or not found.spells.is_empty():
        transaction.audit(
            "intake.applied",
            "intake",
            business_date.isoformat(),
            after=asdict(done)
            | {
                "opened_hash": key_hash(*(row["case_id"] for row in changed.new)),
                "closed_hash": key_hash(*sorted(changed.closed)),
                "whole_sources": sorted(found.whole),
                "ledger": asdict(settled),
            },
        )
    return done


@act("cases.view")
def missing_loans(actor: Actor, store: Store, *, now: datetime, limit: int = 100) -> list[dict[str, Any]]:
    """Loans in collection that the full feed of their source does not have; nothing for who does not see all cases."""
    if scope_of(actor).reach.value != "all":
        return []
    with store.reading() as connection:
        return [dict(row._mapping) for row in intake.findings(connection, limit=limit)]


def _hold(transaction: Transaction, found: IntakeFound) -> None:
    """Lock every case that the run may change, before it looks at any."""
    connection, ids = transaction.connection, set(found.spells["case_id"])
    if not found.alone:
        ids.update(intake.ids_of(connection, found.whole), periods.lapsed(connection, transaction.now))
    case_writing.hold(connection, ids)


def _open(transaction: Transaction, changed: Differences) -> None:
    rows, events = [], []
    for row in changed.new:
        values, steps = opened(row)
        rows.append(values)
        events += [
            CaseEvent(
                case_id=row["case_id"],
                nth=nth,
                what=what,
                from_state=None if nth == 1 else before.value,
                to_state=after.state.value,
                custody=after.custody.value,
                reason=_BY_FEED,
                detail=_source(row, "closed" if what == CaseMove.CLOSE else "opened"),
                made_by=transaction.actor.person_id,
                made_by_name=transaction.actor.name,
                made_at=transaction.now,
            )
            for nth, (what, before, after) in enumerate(steps, start=1)
        ]
    intake.add_cases(transaction.connection, rows)
    periods.add_events(transaction.connection, events)


def _source(row: dict[str, Any], what: str) -> dict[str, Any]:
    """The rule version and the source row that opened or closed a case."""
    said = {"date": row[f"{what}_date"], "file_id": row[f"{what}_file_id"], "line_no": row[f"{what}_line_no"],
            "rule": row["opened_rule"], "rule_version": row[f"{what}_rule_version"]}  # fmt: skip
    if what == "closed":
        said["close_reason"] = row["close_reason"]
    return said


def _move(transaction: Transaction, changed: Differences, business_date: date) -> list[Change]:
    connection = transaction.connection
    present = cases.read_locked(connection, changed.touched, scope_of(transaction.actor), transaction.now)
    changes: list[Change] = []

    def did(change: Change) -> None:
        present[change.after.case_id] = change.after
        changes.append(change)

    for case_id, row in sorted(changed.written_off.items()):
        one, day = present[case_id], row["written_off_date"]
        if CaseMove.WRITE_OFF in moves_from(one.position):
            did(moved(one, CaseMove.WRITE_OFF, _BY_FEED, {"date": day}, written_off_date=day))
        else:
            did(altered(one, "written_off", _BY_FEED, {"date": day}, written_off_date=day))
    for case_id in sorted(changed.due):
        if CaseMove.QUEUE in moves_from(present[case_id].position) and case_id not in changed.written_off:
            did(moved(present[case_id], CaseMove.QUEUE, _BY_FEED, {"days_past_due": present[case_id].days_past_due}))
    for case_id, row in sorted(changed.revived.items()):
        did(moved(present[case_id], CaseMove.REVIVE, _BY_FEED, _source(row, "opened"), **dict.fromkeys(CLOSING)))
    for case_id, row in sorted(changed.restated.items()):
        one = present[case_id]
        closing = _closing(row) if one.closed_date is not None and row["closed_date"] is not None else {}
        did(altered(one, "restated", _BY_FEED, _source(row, "opened"), **closing))
    for case_id, row in sorted(changed.closed.items()):
        did(_closed(present[case_id], row.get("closed_rule") or present[case_id].opened_rule, _closing(row)))
    for case_id in changed.withdrawn:
        did(_withdrawn(present[case_id], business_date))
    apply(transaction, changes, audited=False)
    ended = [one.before for one in changes if one.after.custody is Custody.ENDED and one.before.agency_code]
    end_placements(transaction, ended, day=business_date, reason="closed", note=None)
    return changes


def _closing(row: dict[str, Any]) -> dict[str, Any]:
    reason = row["close_reason"]
    return {name: row[name] for name in CLOSING} | {"close_reason": CloseReason(reason) if reason else None}


def _closed(one: Case, rule: str | None, closing: dict[str, Any]) -> Change:
    detail = {name.removeprefix("closed_"): value for name, value in closing.items()} | {"rule": rule}
    if one.closed_date is not None:
        return altered(one, "restated", _BY_FEED, detail, **closing)
    return moved(one, CaseMove.CLOSE, _BY_FEED, detail, agency_code=None, collector_id=None, **closing)


def _withdrawn(one: Case, day: date) -> Change:
    closing = dict.fromkeys(CLOSING) | {"closed_date": one.closed_date or day, "close_reason": CloseReason.WITHDRAWN}
    return _closed(one, None, closing)


def _ahead(connection: Connection, found: IntakeFound) -> dict[tuple[str, str], date]:
    """Loans (source, loan) of which a day was pushed that is later than their latest row, with that day: they stay as
    they are until a file has that day of them, or a later one. The file of the day may be there and lack the loan."""
    sources = {source for source, _, _ in found.days} | set(found.spells["source_code"]) | found.whole
    pushed = {
        (source, day) for source, day, mark, _ in intake.days(connection) if was_pushed(mark) and source in sources
    }
    if not pushed:
        return {}
    rows = found.spells if found.last_rows is None else found.last_rows
    latest = rows.group_by(_LOAN).agg(pl.col("as_of_date").max())
    last = {(source, loan): day for source, loan, day in latest.select(*_LOAN, "as_of_date").iter_rows()}
    known = intake.known_as_of(connection, pushed)
    return {(source, loan): day for source, loan, day in known if last.get((source, loan), date.min) < day}


def _note_days(connection: Connection, found: IntakeFound, business_date: date) -> None:
    """Remember what was taken in; that loans of a day were pushed is not forgotten when its file comes."""
    pushed = {(source, day) for source, day, mark, _ in intake.days(connection) if was_pushed(mark)}
    intake.note_days(
        connection,
        [(source, day, as_pushed(mark) if (source, day) in pushed else mark) for source, day, mark in found.days],
        business_date,
    )


def _loans(keys: Collection[tuple[str, str]]) -> pl.DataFrame:
    return pl.DataFrame(sorted(keys), schema=dict.fromkeys(_LOAN, pl.String), orient="row")


def _note_spells(transaction: Transaction, found: IntakeFound, ahead: Collection[tuple[str, str]]) -> None:
    last = (
        found.spells.sort("spell_no")
        .group_by(*_LOAN, maintain_order=True)
        .agg(pl.col("spell_no").last(), pl.col("is_open").last())
    )
    if found.alone:
        intake.note_spells(transaction.connection, last.to_dicts())
        return
    known = pl.DataFrame(intake.spells(transaction.connection), schema=last.schema, orient="row")
    intake.note_spells(transaction.connection, last.join(known, on=last.columns, how="anti").to_dicts())
    gone = (
        known.filter(pl.col("source_code").is_in(sorted(found.whole)))
        .join(last, on=_LOAN, how="anti")
        .join(_loans(ahead), on=_LOAN, how="anti")
    )
    intake.forget_spells(transaction.connection, [(row[0], row[1]) for row in gone.iter_rows()])


def _report_missing(
    transaction: Transaction, found: IntakeFound, business_date: date, later: Collection[tuple[str, str]]
) -> tuple[int, int]:
    """Newly missing and found again; a loan that stays missing is noted for its last day. ``later``: loans that are not
    looked for on this day."""
    standing = intake.open_findings(transaction.connection)
    listed = {(row["source_code"], row["loan_id"]): row["case_id"] for row in found.missing.to_dicts()}
    missing = {loan: case_id for loan, case_id in listed.items() if loan not in later}
    rows = [
        {"source_code": source, "loan_id": loan, "case_id": case_id, "last_missed_date": business_date,
         "first_missed_date": standing.get((source, loan), (business_date,))[0], "cleared_date": None}
        for (source, loan), case_id in sorted(missing.items())
        if standing.get((source, loan), (None, date.min))[1] < business_date
    ]  # fmt: skip
    intake.put_findings(transaction.connection, rows)
    again = [
        (source, loan, first)
        for (source, loan), (first, last) in sorted(standing.items())
        if source in found.sent and (source, loan) not in missing and last <= business_date
    ]
    intake.clear_findings(transaction.connection, again, business_date)
    return sum(key not in standing for key in missing), len(again)


def _enter_debtors(transaction: Transaction, rows: Sequence[DebtorData], evidence: Path) -> None:
    if rows:
        key = key_of(transaction, evidence)
        debtors.put(transaction.connection, key, debtor_parts.settled(transaction.connection, key, rows))


def key_of(transaction: Transaction, evidence: Path) -> PersonalKey:
    """The key that seals what is known of debtors. Raises ``NoKey``."""
    return PersonalKey.load_or_make(evidence, sealed_with=debtor_parts.sealed_with(transaction.connection))


def enter_pushed(transaction: Transaction, debtor_keys: Collection[str], evidence: Path) -> None:
    """Debtors of cases, with what was pushed of them over what is kept; those of whom nothing was pushed stay."""
    connection = transaction.connection
    if not debtor_parts.pushed_among(connection, debtor_keys):
        return
    key = key_of(transaction, evidence)
    parts = debtor_parts.known(connection, key, debtor_keys)
    rows = []
    for one in debtors.known(connection, key, debtor_keys):
        fresh = one
        for part in (debtor_parts.CUSTOMER, debtor_parts.CONTACTS):
            _, said = parts.get((one.debtor_key, part), (None, None))
            fresh = fresh if said is None else debtor_parts.overlaid(fresh, part, said)
        rows.append(fresh)
    debtors.put(connection, key, rows)
