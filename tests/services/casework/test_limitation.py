"""Limitation in the store: wound with the case, begun anew by what is proven, listed before it ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.engine import Engine

from ops_app.domain.casework.cases import NoSuchCase
from ops_app.domain.casework.limitation import InterruptionKind, NotInTheRecord
from ops_app.domain.errors import Invalid, Refused
from ops_app.domain.organisation.parameters import Scope
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.casework import limitation
from ops_app.services.casework.cases import read_case
from ops_app.services.casework.limitation import (
    list_expiring,
    read_limitation,
    record_interruption,
    withdraw_interruption,
)
from ops_app.services.casework.verify import verify_limitation
from ops_app.store.casework import limitation as stored
from ops_app.store.store import Store
from ops_app.store.tables.limitation import limitation_clocks
from ops_app.store.tables.organisation import audit_log
from ops_app.store.transaction import SameKeyOtherContent
from tests.bench import plans
from tests.services.casework.casebook import (
    AG1,
    AG2,
    DAY,
    NOW,
    SUPERVISOR,
    a_debtor,
    a_spell,
    closing,
    placed,
    some_cases,
    taken_in,
)
from tests.services.organisation.parameters import TODAY, set_to
from tests.services.organisation.planting import plant

AUDITOR = Actor("p-aud", "Au", Role.AUDITOR)
OLD = 3 * 365


def old_cases(store: Store, evidence: Path) -> list[str]:
    """Three cases whose limitation ends in some 60, 30 and 1 days."""
    rows = [a_spell(n, days_past_due=OLD - days) for n, days in ((1, 60), (2, 30), (3, 1))]
    taken_in(store, evidence, *rows, debtors=[a_debtor(n) for n in (1, 2, 3)])
    return [row["case_id"] for row in rows]


def expiring(store: Store, actor: Actor = SUPERVISOR, **more: object) -> list[str]:
    return [case.loan_id for _, case in list_expiring(actor, store, now=NOW, **more).rows]


def interrupted(store: Store, case_id: str, day: date, kind=InterruptionKind.DEMAND, key: str = "k", **more):
    given = {"evidence": "EMS 1234567890", **more}
    return record_interruption(
        SUPERVISOR, store, now=NOW, case_id=case_id, kind=kind, happened_date=day, key=key, **given
    )


def test_a_case_has_its_clock_from_its_first_day_on(store: Store, tmp_path: Path) -> None:
    case = some_cases(store, tmp_path)[4]
    clock = read_limitation(SUPERVISOR, store, now=NOW, case_id=case).clock
    assert clock is not None
    assert clock.due_date == DAY - timedelta(days=5)
    assert clock.expires_date == clock.due_date.replace(year=clock.due_date.year + 3)


def test_the_queue_has_what_expires_soon_the_earliest_first(store: Store, tmp_path: Path) -> None:
    some = old_cases(store, tmp_path)
    assert expiring(store) == ["L3", "L2", "L1"]
    assert expiring(store, within_days=40) == ["L3", "L2"]
    first = list_expiring(SUPERVISOR, store, now=NOW, limit=2)
    assert [case.loan_id for _, case in first.rows] == ["L3", "L2"]
    assert expiring(store, after=first.next_after) == ["L1"]
    interrupted(store, some[2], DAY)
    assert expiring(store) == ["L2", "L1"]


def test_an_interruption_is_a_row_with_evidence_an_event_of_the_case_and_an_audit_row(
    store: Store, tmp_path: Path
) -> None:
    case = old_cases(store, tmp_path)[0]
    found = interrupted(store, case, DAY)
    assert found.clock is not None
    assert (found.clock.started_date, found.clock.expires_date) == (DAY, DAY.replace(year=DAY.year + 3))
    assert [(row.evidence, row.kind) for row in found.rows] == [("EMS 1234567890", InterruptionKind.DEMAND)]
    assert found.counted == (1,)
    last = read_case(SUPERVISOR, store, now=NOW, case_id=case).events[-1]
    assert (last.what, last.reason) == ("limitation_interrupted", "EMS 1234567890")
    with store.reading() as connection:
        actions = list(connection.execute(select(audit_log.c.action).order_by(audit_log.c.seq)).scalars())
    assert actions[-1] == "case.limitation_interrupted"


def test_a_repeated_key_enters_it_once_and_other_content_under_it_is_refused(store: Store, tmp_path: Path) -> None:
    case = old_cases(store, tmp_path)[0]
    for _ in range(2):
        assert len(interrupted(store, case, DAY).rows) == 1
    with pytest.raises(SameKeyOtherContent):
        interrupted(store, case, DAY - timedelta(days=1))


def test_what_was_entered_wrongly_is_taken_back_once_and_both_rows_stay(store: Store, tmp_path: Path) -> None:
    case = old_cases(store, tmp_path)[0]
    before = read_limitation(SUPERVISOR, store, now=NOW, case_id=case).clock
    interrupted(store, case, DAY)
    found = withdraw_interruption(SUPERVISOR, store, now=NOW, case_id=case, nth=1, reason="wrong waybill")
    assert (found.clock, len(found.rows), found.counted) == (before, 2, ())
    with pytest.raises(NotInTheRecord):
        withdraw_interruption(SUPERVISOR, store, now=NOW, case_id=case, nth=1, reason="again")


@pytest.mark.parametrize(
    ("day", "evidence", "field"),
    [
        (DAY + timedelta(days=3), "EMS 12345", "happened_date"),
        (None, "EMS 12345", "happened_date"),
        (DAY, "x", "evidence"),
    ],
)
def test_a_day_to_come_and_missing_evidence_are_refused_at_their_field(
    store: Store, tmp_path: Path, day: date | None, evidence: str, field: str
) -> None:
    case = old_cases(store, tmp_path)[0]
    with pytest.raises(Invalid) as refused:
        interrupted(store, case, day, evidence=evidence)
    assert refused.value.field == field


def test_a_foreign_and_a_missing_case_answer_alike_and_an_auditor_may_only_look(store: Store, tmp_path: Path) -> None:
    case = old_cases(store, tmp_path)[0]
    placed(store, "AG01", case)
    assert expiring(store, AG1) == ["L1"]
    assert expiring(store, AG2) == []
    refusals = []
    for one in (case, "0" * 32):
        with pytest.raises(NoSuchCase) as refused:
            read_limitation(AG2, store, now=NOW, case_id=one)
        refusals.append(str(refused.value))
    assert len(set(refusals)) == 1
    assert read_limitation(AUDITOR, store, now=NOW, case_id=case).case.loan_id == "L1"
    for actor in (AUDITOR, AG1):
        with pytest.raises(Refused):
            record_interruption(
                actor, store, now=NOW, case_id=case, kind=InterruptionKind.SUIT, happened_date=DAY, evidence="case 1",
                key="a",
            )  # fmt: skip


def test_a_closed_case_leaves_the_queue_and_its_record_stays(store: Store, tmp_path: Path) -> None:
    case = old_cases(store, tmp_path)[2]
    interrupted(store, case, DAY)
    taken_in(store, tmp_path, a_spell(3, days_past_due=0, **closing()), day=DAY + timedelta(days=1))
    found = read_limitation(SUPERVISOR, store, now=NOW, case_id=case)
    assert (found.clock, len(found.rows)) == (None, 1)


def test_another_rule_is_applied_to_every_clock_at_the_next_run(store: Store, tmp_path: Path) -> None:
    old_cases(store, tmp_path)
    plant(store, set_to("casework.limitation_years", 4, date(2000, 1, 1), Scope(pack="CN")))
    taken_in(store, tmp_path, days=[])
    assert expiring(store) == []
    plant(store, set_to("casework.limitation_years", 3, date(2000, 1, 2), Scope(pack="CN")))
    taken_in(store, tmp_path, days=[])
    assert expiring(store) == ["L3", "L2", "L1"]


def test_the_days_of_warning_are_those_of_the_parameter_today(store: Store, tmp_path: Path) -> None:
    old_cases(store, tmp_path)
    plant(store, set_to("casework.limitation_warning_days", 31, TODAY))
    assert expiring(store) == ["L3", "L2"]


def test_verification_names_a_clock_that_is_not_what_its_record_says(store: Store, tmp_path: Path) -> None:
    case = old_cases(store, tmp_path)[0]
    assert verify_limitation(store).state == "holds"
    with store.reading() as connection:
        clock = stored.clock(connection, case)
    assert clock is not None
    with store.writing(SUPERVISOR, NOW) as transaction:
        stored.put_clocks(transaction.connection, [replace(clock, expires_date=clock.expires_date + timedelta(days=1))])
        transaction.audit("case.restated", "case", case)
    found = verify_limitation(store)
    assert found.state == "broken"
    assert case in found.detail


def test_a_page_of_the_queue_reads_its_index_and_sorts_nothing(store: Store, tmp_path: Path) -> None:
    if store.dialect != "sqlite":
        pytest.skip("SQLite says its plan in words")
    old_cases(store, tmp_path)
    from ops_app.domain.casework.scope import Reach
    from ops_app.domain.casework.scope import Scope as Sight

    query = stored.page_query(Sight(Reach.ALL), NOW, {"CN": DAY + timedelta(days=90)}, pack=None, after=None, limit=50)
    with store.reading() as connection:
        compiled = query.compile(connection, compile_kwargs={"literal_binds": True})
        plan = " ".join(row[3] for row in connection.execute(text(f"explain query plan {compiled}")))
    assert "ix_limitation_clocks_pack_expires_date_case_id" in plan
    assert "TEMP B-TREE" not in plan
    assert limitation_clocks.name in plan
    assert limitation.MOST_DAYS > 0


def test_the_queue_is_narrowed_to_what_has_expired_or_has_not_and_turned_round(store: Store, tmp_path: Path) -> None:
    old_cases(store, tmp_path)
    later = NOW + timedelta(days=20)  # by then the one that had a day left has expired

    def listed(**more: object) -> list[str]:
        page = list_expiring(SUPERVISOR, store, now=later, within_days=limitation.MOST_DAYS, **more)
        assert page.total == len(page.rows)
        return [case.loan_id for _, case in page.rows]

    assert listed() == ["L3", "L2", "L1"]
    assert listed(expired=True) == ["L3"]
    assert listed(expired=False) == ["L2", "L1"]
    assert listed(descending=True) == ["L1", "L2", "L3"]
    given = {"now": later, "within_days": limitation.MOST_DAYS, "descending": True}
    first = list_expiring(SUPERVISOR, store, limit=1, **given)
    assert first.total == 3
    turned = list_expiring(SUPERVISOR, store, after=first.next_after, **given)
    assert [case.loan_id for _, case in turned.rows] == ["L2", "L3"]


def test_a_queue_of_one_rule_pack_is_read_along_its_own_index(store: Store, tmp_path: Path) -> None:
    old_cases(store, tmp_path)
    with plans.asked(store) as selects:
        list_expiring(SUPERVISOR, store, now=NOW, pack="CN", within_days=limitation.MOST_DAYS)
    queue = [plans.plan_of(store, one) for one in selects if "limitation_clocks" in one[0] and "LIMIT" in one[0]]
    assert len(queue) >= 2  # the page and its count
    if store.dialect == "sqlite":
        assert all("TEMP B-TREE" not in plan for plan in queue), queue
        assert all("ix_limitation_clocks_pack_expires_date_case_id" in plan for plan in queue), queue


def test_a_page_of_what_expires_asks_no_question_for_each_case(store: Store, tmp_path: Path) -> None:
    some_cases(store, tmp_path, 12)
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        asked.append(statement)

    counts = []
    for limit in (2, 12):
        asked.clear()
        event.listen(Engine, "before_cursor_execute", note)
        try:
            page = list_expiring(SUPERVISOR, store, now=NOW, within_days=limitation.MOST_DAYS, limit=limit)
        finally:
            event.remove(Engine, "before_cursor_execute", note)
        assert len(page.rows) == limit
        counts.append(len(asked))
    assert counts[0] == counts[1]
