"""Invariant 6 holds after honest work and is seen broken by every planted fault."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from ops_app.domain.organisation.people import Role
from ops_app.services.organisation.approvals import resubmit
from ops_app.services.organisation.verify import verify_approvals
from ops_app.store.store import Store
from tests.services.organisation.approving import (
    LIMIT,
    NOW,
    a_person,
    ask,
    decide,
    kinds_of_the_tests,
    seen,
    with_rules,
)


@pytest.fixture
def worked(store: Store) -> Iterator[Store]:
    """A store in which a request of two rounds and two levels was carried out, and another was rejected."""
    with_rules(store)
    maker, supervisor = a_person(store, "Maker"), a_person(store, "Super")
    manager = a_person(store, "Manager", Role.MANAGER)
    with kinds_of_the_tests():
        one = ask(store, maker, LIMIT)
        decide(store, supervisor, one, "return")
        resubmit(
            maker, store, now=NOW, request_id=one.request_id, expected_version=2, arguments={"loan_id": "L1"},
            reason="once more", amount_minor=LIMIT, currency="CNY", key="again",
        )  # fmt: skip
        decide(store, supervisor, seen(store, maker, one.request_id))
        decide(store, manager, seen(store, maker, one.request_id))
        decide(store, manager, ask(store, maker, kind="test.note"), "reject")
        yield store


def test_it_holds_after_honest_work(worked: Store) -> None:
    finding = verify_approvals(worked)
    assert (finding.invariant, finding.state, finding.checked, finding.detail) == (6, "holds", 2, "")


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        ("update approval_decisions set decided_by = maker_id where nth = 3", "made by or for its maker"),
        ("update approval_decisions set principal_id = maker_id where nth = 3", "made by or for its maker"),
        (
            "update approval_decisions set principal_id = (select decided_by from approval_decisions where nth = 3)"
            " where decision = 'approve_last'",
            "somebody who decided before",
        ),
        ("delete from approval_decisions where decision = 'approve'", "without an approval of every level"),
        ("update approval_decisions set role_code = 'supervisor'", "without an approval of every level"),
        ("update approval_requests set state = 'rejected' where state = 'approved'", "is not approved"),
        ("update approval_rounds set arguments_json = '{}' where round_no = 2", "is not what was asked for"),
        ("update approval_rounds set amount_minor = 1", "is not what was asked for"),
        ("delete from approval_rounds where round_no = 1", "round of it is missing"),
        (f"update approval_requests set content_hash = '{'0' * 64}'", "not that of its present round"),
    ],
)
def test_a_planted_fault_is_named(worked: Store, planted: str, said: str) -> None:
    unguarded(worked._writers, planted)
    finding = verify_approvals(worked)
    assert finding.state == "broken"
    assert said in finding.detail


def unguarded(engine: Engine, statement: str) -> None:
    """Run ``statement`` as somebody would who first took the guards of the database away."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("rollback")
            connection.exec_driver_sql("pragma foreign_keys = off")
            connection.exec_driver_sql("pragma ignore_check_constraints = on")
            for table in ("approval_rounds", "approval_decisions"):
                for verb in ("update", "delete"):
                    connection.exec_driver_sql(f"drop trigger {table}_no_{verb}")
            for name in ("person", "principal", "level"):
                connection.exec_driver_sql(f"drop index uq_approval_decisions_{name}")
            connection.exec_driver_sql(statement)
            return
        connection.execute(text("set session_replication_role = replica"))
        for name in ("maker_is_not_checker", "maker"):
            connection.execute(text(f"alter table approval_decisions drop constraint ck_approval_decisions_{name}"))
        for name in ("person", "principal"):
            connection.execute(text(f"drop index uq_approval_decisions_{name}"))
        connection.execute(text(statement))
        connection.execute(text("set session_replication_role = origin"))
        connection.commit()
