"""A running book taken over: history without effects, cases where they were, and a proof that adds up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from ops_app.domain.casework.cases import CaseState, Custody
from ops_app.domain.casework.flags import Flag
from ops_app.domain.casework.take_over import Difference, HistoryRow, Spell, parts_of
from ops_app.domain.errors import Conflict, Refused
from ops_app.domain.organisation.agencies import AgencyState
from ops_app.domain.organisation.approvals import NotCarriedOut, NotYourLevel, OwnRequest, RequestState
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.services.casework import take_over as service
from ops_app.services.casework.cases import list_cases
from ops_app.services.casework.changing import altered, apply
from ops_app.services.casework.moving import set_flag
from ops_app.services.casework.take_over import TakeOver, take_over_book
from ops_app.services.casework.take_over_running import Waiting, ask_running_placements, waiting_placements
from ops_app.services.casework.verify import verify_one_owner
from ops_app.services.organisation import approvals as engine
from ops_app.services.organisation.approvals import Moved
from ops_app.store.casework import periods
from ops_app.store.store import Store
from ops_app.store.tables.operations import notifications
from ops_app.store.tables.organisation import audit_log
from tests.services.casework.casebook import (
    AG1,
    AG2,
    DAY,
    NOW,
    SUPERVISOR,
    a_collector,
    a_spell,
    an_agency,
    closing,
    now_is,
    placed,
    some_cases,
    taken_in,
    versions,
)
from tests.services.organisation import approving

ZONE = ZoneInfo("Asia/Shanghai")
LATER = NOW + timedelta(hours=2)


def midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), ZONE).astimezone(UTC)


def placement(number: int, agency: str = "AG01", *, key: str = "", **other: object) -> HistoryRow:
    values = {
        "feed": "placements", "source_code": "SIM", "row_key": key or f"PL{number}", "loan_id": f"L{number}",
        "agency_code": agency, "collector_ref": None, "status": "running", "begun_at": midnight(DAY), "ended_at": None,
        "due_date": DAY + timedelta(days=60), "amount_minor": 100_000 + number, "currency": "CNY", "text": None,
        "file_id": "a" * 64, "line_no": number,
    }  # fmt: skip
    row = HistoryRow(**{**values, **other})  # type: ignore[arg-type]
    return replace(row, status="ended") if row.ended_at is not None else row


def note(number: int, text: str = "promised to pay on Friday") -> HistoryRow:
    return replace(
        placement(number), feed="notes", row_key=f"N{number}", collector_ref="old-17", status="call", due_date=None,
        amount_minor=None, currency=None, text=text, begun_at=NOW - timedelta(hours=1),
    )  # fmt: skip


def take(store: Store, *rows: HistoryRow, now: datetime = LATER) -> TakeOver:
    """Taken over, and what still runs asked for and approved a moment later; the proof after all of it."""
    done = take_over_book(SUPERVISOR, store, now=now, zone=ZONE, rows=rows)
    assert done.cases_placed == 0
    if not waiting_placements(SUPERVISOR, store, now=now):
        return done
    approve_running(store, now=now + timedelta(seconds=1))
    found = service.latest_take_over(SUPERVISOR, store, now=now)
    assert found is not None
    return found


def approve_running(store: Store, *, now: datetime = LATER, by: Actor | None = None) -> Moved:
    (one,) = ask_running_placements(SUPERVISOR, store, now=now, reason="the old system is off", key=now.isoformat())
    return decide(store, one, by or a_manager(store), now=now)


def a_manager(store: Store) -> Actor:
    return a_collector(store, f"m{uuid4().hex[:8]}", role=Role.MANAGER)


def decide(store: Store, request_id: str, by: Actor, *, now: datetime = LATER) -> Moved:
    one = engine.read_request(by, store, now=now, request_id=request_id).item
    return approving.decide(store, by, one, now=now)


def outside(store: Store) -> dict[str, Difference | None]:
    page = service.list_differences(SUPERVISOR, store, now=LATER)
    return {it.row.row_key: it.difference for it in page.rows}


@pytest.fixture
def ids(store: Store, tmp_path: Path, agencies: None) -> list[str]:
    return some_cases(store, tmp_path)


@pytest.fixture
def agencies(store: Store) -> None:
    """The agencies that the new book knows."""
    for code in ("AG01", "AG02"):
        an_agency(store, code)


def test_what_still_runs_is_placed_by_a_second_person_and_until_then_by_nobody(store: Store, ids: list[str]) -> None:
    old = placement(1, "AG02", key="PL1a", ended_at=midnight(DAY) + timedelta(hours=5))
    running = placement(1, begun_at=midnight(DAY) + timedelta(hours=5))
    done = take_over_book(SUPERVISOR, store, now=LATER, zone=ZONE, rows=[old, running, note(1)])
    assert (done.cases_placed, now_is(store, ids[0]).agency_code) == (0, None)
    assert outside(store) == {"PL1": Difference.WAITING}
    assert all(line.agrees for line in done.proof)
    assert list_cases(AG1, store, now=LATER).rows == ()
    again = take_over_book(SUPERVISOR, store, now=LATER + timedelta(minutes=1), zone=ZONE, rows=[old, running, note(1)])
    assert (again.rows_new, outside(store)) == (1, {"PL1": Difference.WAITING})
    assert waiting_placements(SUPERVISOR, store, now=LATER) == (Waiting("CNY", 1, 100_001, None),)
    given = {"now": LATER, "reason": "the old system is off", "key": "k"}
    sun = a_collector(store, "sun", role=Role.SUPERVISOR)
    (one,) = ask_running_placements(sun, store, **given)
    assert ask_running_placements(sun, store, **given) == (one,)
    (asked,) = waiting_placements(SUPERVISOR, store, now=LATER)
    assert asked.asked_by_name == "Sun"
    manager = a_manager(store)
    for nobody in (sun, a_collector(store, "compliance", role=Role.COMPLIANCE)):
        with pytest.raises((OwnRequest, NotYourLevel)):
            decide(store, one, nobody)
    decide(store, one, manager)
    assert (now_is(store, ids[0]).agency_code, outside(store)) == ("AG01", {})
    with store.reading() as connection:
        assert [(it.nth, it.agency_code) for it in periods.placements_of(connection, ids[0])] == [
            (1, "AG02"), (2, "AG01"),
        ]  # fmt: skip
    assert verify_one_owner(store).state == "holds"
    with pytest.raises(Conflict, match="No running placement waits"):
        ask_running_placements(SUPERVISOR, store, now=LATER, reason="once more", key="k2")


def test_a_large_book_that_still_runs_needs_finance_too(store: Store, ids: list[str]) -> None:
    rows = [placement(1, amount_minor=999_999_999), placement(2, amount_minor=1)]
    take_over_book(SUPERVISOR, store, now=LATER, zone=ZONE, rows=rows)
    assert approve_running(store).state is RequestState.WAITING
    assert now_is(store, ids[0]).agency_code is None


def test_what_may_not_be_placed_stays_outside_when_taken_over_and_when_approved(store: Store, ids: list[str]) -> None:
    an_agency(store, "AG03", state=AgencyState.SUSPENDED)
    an_agency(store, "AG04", capacity_cases=1)

    def flag(one: str) -> None:
        given = {"case_id": one, "version": now_is(store, one).version, "reason": "told us"}
        set_flag(SUPERVISOR, store, now=LATER, flag=Flag.DECEASED, **given)

    flag(ids[0])
    rows = [
        placement(1), placement(2, "AG03"), placement(3, "AG04"), placement(4, "AG04"), placement(5), placement(6),
    ]  # fmt: skip
    done = take_over_book(SUPERVISOR, store, now=LATER, zone=ZONE, rows=rows)
    assert all(line.agrees for line in done.proof)
    stays = {
        "PL1": Difference.NOT_PLACEABLE, "PL2": Difference.AGENCY_STOPPED, "PL3": Difference.AGENCY_STOPPED,
        "PL4": Difference.AGENCY_STOPPED,
    }  # fmt: skip
    assert outside(store) == stays | {"PL5": Difference.WAITING, "PL6": Difference.WAITING}
    flag(ids[4])  # after it was asked for, and before it is approved
    approve_running(store)
    assert outside(store) == stays | {"PL5": Difference.NOT_PLACEABLE}
    assert [now_is(store, one).agency_code for one in ids] == [None] * 5 + ["AG01"]


def test_an_approval_of_a_book_that_changed_since_places_nothing(store: Store, ids: list[str]) -> None:
    take_over_book(SUPERVISOR, store, now=LATER, zone=ZONE, rows=[placement(1)])
    (one,) = ask_running_placements(SUPERVISOR, store, now=LATER, reason="the old system is off", key="k")
    rows = [placement(1), placement(2)]
    take_over_book(SUPERVISOR, store, now=LATER + timedelta(minutes=1), zone=ZONE, rows=rows)
    with pytest.raises(NotCarriedOut, match="changed since"):
        decide(store, one, a_manager(store))
    assert now_is(store, ids[0]).agency_code is None


def test_running_placements_put_cases_where_they_were_and_ended_ones_are_history(store: Store, ids: list[str]) -> None:
    old = placement(2, "AG02", key="PL2a", ended_at=midnight(DAY) + timedelta(hours=5))
    again = placement(2, "AG01", key="PL2b", begun_at=midnight(DAY) + timedelta(hours=5))
    done = take(store, placement(1), old, again, placement(3, ended_at=LATER - timedelta(hours=1)))
    assert done.cases_placed == 2
    assert [(now_is(store, one).custody, now_is(store, one).agency_code) for one in ids[:4]] == [
        (Custody.PLACED, "AG01"), (Custody.PLACED, "AG01"), (Custody.IN_HOUSE, None), (Custody.IN_HOUSE, None),
    ]  # fmt: skip
    with store.reading() as connection:
        first, second = periods.placements_of(connection, ids[1])
        events = periods.events(connection, ids[0])
    assert (first.agency_code, first.end_reason, second.agency_code, second.ended_at) == (
        "AG02",
        "recalled",
        "AG01",
        None,
    )
    assert (events[-1].what, events[-1].detail["taken_over"], events[-1].detail["placement"]) == ("place", True, "PL1")
    assert verify_one_owner(store).state == "holds"
    assert {one.case_id for one in list_cases(AG1, store, now=LATER).rows} == set(ids[:2])
    assert list_cases(AG2, store, now=LATER).rows == ()


def test_nothing_is_set_off_by_history(store: Store, ids: list[str]) -> None:
    take(store, placement(1), note(1))
    with store.reading() as connection:
        assert connection.execute(select(func.count()).select_from(notifications)).scalar_one() == 0
        (one,) = periods.placements_of(connection, ids[0])
        said = connection.execute(
            select(audit_log.c.action).where(audit_log.c.occurred_at == LATER)
        ).scalars().all()  # fmt: skip
    assert one.first_contact_due_at == one.due_at  # no time limit of a first contact begins
    assert [one for one in said if not one.startswith(("approval.", "person."))] == ["history.taken_over"]


def test_the_proof_counts_what_the_tables_give_back_and_names_every_row_outside(store: Store, ids: list[str]) -> None:
    placed(store, "AG02", ids[3])
    one = now_is(store, ids[4])
    with store.writing(SYSTEM, NOW) as transaction:
        held = altered(one, "flag_set", "test", {}, state=CaseState.SUSPENDED, state_before=CaseState.TO_ASSIGN)
        apply(transaction, [held])
    done = take(store, placement(1), placement(2, "AG99"), placement(4), placement(5), placement(77), note(1), note(77))
    assert all(line.agrees for line in done.proof)
    (line,) = [it for it in done.proof if (it.feed, it.agency_code) == ("placements", "AG01")]
    assert (line.old_count, line.new_count, line.named_count) == (4, 1, 3)
    assert (line.old_minor, line.new_minor) == (400_087, 100_001)
    page = service.list_differences(SUPERVISOR, store, now=LATER)
    assert {(it.row.feed, it.row.row_key): it.difference for it in page.rows} == {
        ("placements", "PL2"): Difference.UNKNOWN_AGENCY,
        ("placements", "PL4"): Difference.ACTED_ON,
        ("placements", "PL5"): Difference.HELD,
        ("placements", "PL77"): Difference.NO_CASE,
        ("notes", "N77"): Difference.NO_CASE,
    }
    assert service.latest_take_over(SUPERVISOR, store, now=LATER) == done
    (kept,) = service.history_of_case(SUPERVISOR, store, now=LATER, case_id=ids[0])[1:]
    assert (kept.row.text, kept.row.collector_ref) == ("promised to pay on Friday", "old-17")


def test_a_proof_shows_a_placement_that_was_entered_otherwise_than_it_was_sent(
    store: Store, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    add = periods.add_placements
    wrong = lambda connection, rows: add(connection, [replace(row, placed_balance_minor=1) for row in rows])  # noqa: E731
    monkeypatch.setattr(service.periods, "add_placements", wrong)
    done = take(store, placement(1), placement(2))
    assert [line.agrees for line in done.proof] == [False]


def test_the_same_book_again_changes_nothing_and_rows_that_stayed_outside_are_tried_again(
    store: Store, ids: list[str], tmp_path: Path
) -> None:
    take(store, placement(1), placement(9))
    before = versions(store, *ids)
    again = take(store, placement(1), placement(9), now=LATER + timedelta(hours=1))
    assert (again.cases_placed, versions(store, *ids)) == (0, before)
    taken_in(store, tmp_path, a_spell(9), now=LATER + timedelta(hours=2), days=[("SIM", DAY, "other")])
    third = take(store, placement(1), placement(9), now=LATER + timedelta(hours=3))
    assert (third.cases_placed, sum(line.named_count for line in third.proof)) == (1, 0)


def test_a_placement_over_the_end_of_a_case_ends_with_it(store: Store, ids: list[str], tmp_path: Path) -> None:
    closed = DAY + timedelta(days=1)
    taken_in(store, tmp_path, a_spell(6, **closing(day=closed)), now=NOW + timedelta(days=1), day=closed)
    take(store, placement(6), now=NOW + timedelta(days=2))
    with store.reading() as connection:
        (one,) = periods.placements_of(connection, ids[5])
    assert (one.end_reason, one.ended_at) == ("closed", midnight(closed))
    assert verify_one_owner(store).state == "holds"


def test_an_agency_takes_nothing_over(store: Store) -> None:
    with pytest.raises(Refused):
        take_over_book(AG1, store, now=NOW, zone=ZONE, rows=())


moments = st.integers(0, 365 * 24).map(lambda hours: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hours))


@given(begun=moments, length=st.none() | st.integers(1, 300), cuts=st.lists(moments, unique=True, max_size=6))
def test_parts_lie_within_the_row_and_its_spells_and_never_overlap(
    begun: datetime, length: int | None, cuts: list[datetime]
) -> None:
    cuts = sorted(cuts)
    spells = [
        Spell(f"c{number}", cuts[number], cuts[number + 1] if number + 1 < len(cuts) else None)
        for number in range(0, len(cuts), 2)
    ]
    ended = None if length is None else begun + timedelta(days=length)
    parts = parts_of(placement(1, begun_at=begun, ended_at=ended), spells)
    by_id = {one.case_id: one for one in spells}
    for part in parts:
        spell = by_id[part.case_id]
        assert part.begun_at >= max(begun, spell.opened_at)
        assert part.ended_at is None or part.begun_at < part.ended_at
        assert part.ended_at is not None or (ended is None and spell.closed_at is None)
    for one, two in pairwise(parts):
        assert one.ended_at is not None
        assert one.ended_at <= two.begun_at
