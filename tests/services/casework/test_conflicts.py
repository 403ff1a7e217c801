"""Conflicts of interest: who knows a debtor has none of their cases, and is given none while it stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from ops_app.domain.casework.cases import CaseChanged, NoSuchCase
from ops_app.domain.errors import Conflict, Invalid, NotFound, Refused
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.casework.assigning import assign_cases, move_all_cases
from ops_app.services.casework.cases import read_case
from ops_app.services.casework.conflicts import declare_conflict, end_conflict, list_conflicts
from ops_app.store.store import Store
from tests.services.casework.casebook import (
    AG1,
    AG2,
    ALLOCATION,
    DAY,
    NOW,
    SUPERVISOR,
    WHY,
    a_collector,
    a_debtor,
    a_spell,
    assigned,
    case_id,
    debtor_key,
    now_is,
    placed,
    recalled,
    taken_in,
    versions,
)

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def ids(store: Store, tmp_path: Path) -> list[str]:
    """Three cases placed with AG01; the first two are of one debtor."""
    rows = [a_spell(1), a_spell(2, customer_id="C1"), a_spell(3)]
    taken_in(store, tmp_path, *rows, debtors=[a_debtor(1), a_debtor(3)])
    found = [row["case_id"] for row in rows]
    placed(store, "AG01", *found)
    return found


def declared(store: Store, by: Actor, case_id: str) -> tuple[str, ...]:
    version = now_is(store, case_id).version
    return declare_conflict(by, store, now=NOW, case_id=case_id, version=version, reason="she is my sister")


def test_all_cases_of_the_debtor_leave_who_declares_it_and_none_comes_back(store: Store, ids: list[str]) -> None:
    her = a_collector(store, "hers", "AG01")
    other = a_collector(store, "other", "AG01")
    assigned(store, AG1, her, *ids)
    assert set(declared(store, her, ids[0])) == set(ids[:2])
    assert [now_is(store, one).collector_id for one in ids] == [None, None, her.person_id]
    with pytest.raises(NoSuchCase):
        read_case(her, store, now=NOW, case_id=ids[0])
    with pytest.raises(Invalid, match="conflict of interest with the debtor of L") as refused:
        assigned(store, AG1, her, *ids[:2])
    assert refused.value.field == "collector_id"
    given = {"now": NOW, "collector_id": her.person_id, "reason": WHY, "leave_out": True}
    assigned(store, AG1, other, *ids)
    moved = assign_cases(AG1, store, wanted=versions(store, *ids), **given)
    assert (moved.case_ids, set(moved.dropped)) == ((ids[2],), set(ids[:2])), "the others are given all the same"
    with pytest.raises(Invalid, match="conflict of interest with the debtor of L1, L2"):
        move_all_cases(AG1, store, now=NOW, from_id=other.person_id, to_id=her.person_id, reason=WHY)
    assert read_case(AG1, store, now=NOW, case_id=ids[0]).assignments[0].ended_at == NOW


def test_a_supervisor_declares_it_of_who_has_the_case_and_alone_ends_it(store: Store, ids: list[str]) -> None:
    her = a_collector(store, "hers", "AG01")
    with pytest.raises(Invalid, match="Nobody has this case"):
        declared(store, AG1, ids[0])
    assigned(store, AG1, her, *ids)
    declared(store, AG1, ids[0])
    (one,) = list_conflicts(AG1, store, now=NOW, case_id=ids[1])
    assert (one.person_name, one.reason, one.declared_by_name) == ("Hers", "she is my sister", "Gao")
    given = {"now": NOW, "case_id": ids[1], "reason": WHY}
    with pytest.raises(Refused):
        end_conflict(her, store, conflict_id=one.conflict_id, **given)
    with pytest.raises(NotFound):
        end_conflict(AG1, store, conflict_id="0" * 32, **given)
    end_conflict(AG1, store, conflict_id=one.conflict_id, **given)
    with pytest.raises(NotFound):
        end_conflict(AG1, store, conflict_id=one.conflict_id, **given)
    assigned(store, AG1, her, ids[0])
    assert now_is(store, ids[0]).collector_id == her.person_id


def test_another_agency_learns_nothing_and_the_conflict_outlives_the_placement(store: Store, ids: list[str]) -> None:
    her = a_collector(store, "hers", "AG01")
    assigned(store, AG1, her, ids[0])
    declared(store, her, ids[0])
    with pytest.raises(NoSuchCase):
        list_conflicts(AG2, store, now=NOW, case_id=ids[0])
    with pytest.raises(Refused):
        list_conflicts(her, store, now=NOW, case_id=ids[2])
    recalled(store, ids[0])
    placed(store, "AG02", ids[0])
    assert list_conflicts(AG2, store, now=NOW, case_id=ids[0]) == []
    assert [one.person_name for one in list_conflicts(SUPERVISOR, store, now=NOW, case_id=ids[0])] == ["Hers"]


def test_it_is_declared_once_and_on_the_case_as_it_was_seen(store: Store, ids: list[str]) -> None:
    her = a_collector(store, "hers", "AG01")
    assigned(store, AG1, her, *ids)
    with pytest.raises(CaseChanged):
        declare_conflict(her, store, now=NOW, case_id=ids[0], version=1, reason=WHY)
    with pytest.raises(Invalid, match="reason"):
        declare_conflict(her, store, now=NOW, case_id=ids[0], version=now_is(store, ids[0]).version, reason=" ")
    declared(store, AG1, ids[0])
    # the same person may have the case by the hand of a former system, which asks nobody
    with store.writing(SUPERVISOR, LATER) as transaction:
        transaction.connection.execute(
            text("update cases set collector_id = :her where case_id = :one"), {"her": her.person_id, "one": ids[0]}
        )
        transaction.audit("tried", "case", ids[0])
    with pytest.raises(Conflict, match="declared already"):
        declared(store, AG1, ids[0])


def test_the_same_person_in_another_source_is_the_same_debtor(store: Store, tmp_path: Path) -> None:
    here = a_spell(1)
    there = a_spell(7) | {"source_code": "OTH", "case_id": case_id("OTH", "L7", 1), "customer_id": "C99"}
    there["debtor_key"] = debtor_key("OTH", "C99")
    one = a_debtor(1)
    again = replace(one, debtor_key=there["debtor_key"], source_code="OTH", customer_id="C99")
    taken_in(
        store, tmp_path, here, there,
        sent=frozenset({"SIM", "OTH"}), days=[("SIM", DAY, "mark"), ("OTH", DAY, "mark")], debtors=[one, again],
    )  # fmt: skip
    ids = [here["case_id"], there["case_id"]]
    placed(store, "AG01", *ids)
    her, other = a_collector(store, "hers", "AG01"), a_collector(store, "other", "AG01")
    assigned(store, AG1, her, *ids)
    assert set(declared(store, her, ids[0])) == set(ids), "both cases leave"
    assert [it.person_name for it in list_conflicts(AG1, store, now=NOW, case_id=ids[1])] == ["Hers"]
    assigned(store, AG1, other, ids[1])
    with pytest.raises(Invalid, match="conflict of interest with the debtor of L7"):
        assigned(store, AG1, her, ids[1])
    with pytest.raises(Invalid, match="conflict of interest with the debtor of L7"):
        move_all_cases(AG1, store, now=NOW, from_id=other.person_id, to_id=her.person_id, reason=WHY)
    (it,) = list_conflicts(AG1, store, now=NOW, case_id=ids[1])
    end_conflict(AG1, store, now=NOW, case_id=ids[1], conflict_id=it.conflict_id, reason=WHY)
    assigned(store, AG1, her, *ids)


def test_no_conflict_is_ended_by_whom_it_is_about_nor_by_who_allocates(store: Store, ids: list[str]) -> None:
    her = a_collector(store, "hers", "AG01")
    assigned(store, AG1, her, ids[0])
    declared(store, SUPERVISOR, ids[0])
    (one,) = list_conflicts(SUPERVISOR, store, now=NOW, case_id=ids[0])
    given = {"now": NOW, "case_id": ids[0], "conflict_id": one.conflict_id, "reason": WHY}
    with pytest.raises(Refused, match="about yourself"):
        end_conflict(replace(her, role=Role.AGENCY_SUPERVISOR), store, **given)
    with pytest.raises(Refused):
        end_conflict(ALLOCATION, store, **given)
    with pytest.raises(Refused):
        end_conflict(her, store, **given)
    assert list_conflicts(ALLOCATION, store, now=NOW, case_id=ids[0]) == [one]
    end_conflict(SUPERVISOR, store, **given)
