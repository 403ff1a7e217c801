"""Who makes and decides in the tests of approvals, and a command that is easy to watch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import func, select

from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.approval_rules import ApprovalRule
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.services.organisation import approvals
from ops_app.services.organisation.approval_kinds import KINDS, Draft, kinds
from ops_app.services.organisation.approvals import ApprovalRequest, Moved, Read
from ops_app.services.organisation.hashing import hash_of_nobody
from ops_app.services.organisation.people import enter_person, new_person
from ops_app.store.organisation import approval_rules
from ops_app.store.store import Store, Transaction
from ops_app.store.tables.organisation import audit_log

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
ALWAYS = datetime(2000, 1, 1, tzinfo=UTC)
LIMIT = 500_000
"""A waiver of this much or more needs a manager after the supervisor."""

WAIVE = "test.waive"
NOTE = "test.note"
ADMINISTRATOR = Actor("admin", "Admin", Role.ADMINISTRATOR)

RULES = (
    ApprovalRule(WAIVE, 1, Role.SUPERVISOR, ALWAYS),
    ApprovalRule(WAIVE, 2, Role.MANAGER, ALWAYS, from_minor=LIMIT),
)


class Refusing(Invalid):
    """The command of a test is told to refuse."""

    def __init__(self) -> None:
        super().__init__("The balance changed.", "余额已变动。")


def _run(transaction: Transaction, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    if arguments.get("refuse"):
        raise Refusing
    transaction.audit("test.waived", "loan", str(arguments["loan_id"]), after={"by": transaction.actor.person_id})
    return {"waived": arguments["loan_id"]}


def _check(transaction: Transaction, draft: Draft) -> None:
    if draft.arguments.get("impossible"):
        raise Invalid("This cannot be asked for.", "不能提出该申请。", field="arguments")


@contextmanager
def kinds_of_the_tests() -> Iterator[None]:
    """The kinds of the tests, for as long as the block lasts."""
    kinds()
    labels, flags = {"loan_id": ("loan", "借据号")}, {"large": ("unusually large", "金额异常偏大")}
    approvals.register(
        WAIVE, name=("test waiver", "测试减免"), make="reconciliation.decide", run=_run, check=_check,
        labels=labels, flags=flags,
    )  # fmt: skip
    approvals.register(NOTE, name=("test note", "测试备注"), make="rows.export", run=_run, many=True)
    try:
        yield
    finally:
        for kind in (WAIVE, NOTE):
            KINDS.pop(kind)


def with_rules(store: Store) -> None:
    """The rules of the tests are in force."""
    with store.writing(SYSTEM, NOW) as transaction:
        approval_rules.add_rules(transaction.connection, RULES, NOW, SYSTEM.person_id)
        transaction.audit("test.rules_entered", "approval_kind", WAIVE)


def a_person(store: Store, name: str, role: Role = Role.SUPERVISOR, agency: str | None = None) -> Actor:
    """A person of the store, as the actor of a session."""
    made = new_person(NOW, name.lower(), name, role, agency, "en")
    with store.writing(ADMINISTRATOR, NOW) as transaction:
        enter_person(transaction, made, hash_of_nobody())
    return Actor(made.person_id, made.display_name, role, agency)


def ask(store: Store, maker: Actor, amount: int | None = 100, loan: str = "L1", **other: Any) -> ApprovalRequest:
    """A request of ``maker``, as it then stands."""
    values: dict[str, Any] = {
        "kind": WAIVE, "object_type": "loan", "object_id": loan, "arguments": {"loan_id": loan},
        "reason": "hardship", "amount_minor": amount, "currency": None if amount is None else "CNY",
        "key": uuid4().hex, "now": NOW,
    }  # fmt: skip
    request_id = approvals.request_approval(maker, store, **values | other)
    return seen(store, maker, request_id)


def seen(store: Store, actor: Actor, request_id: str) -> ApprovalRequest:
    """The request as it now stands."""
    return approvals.read_request(actor, store, now=NOW, request_id=request_id).item


def read_of(one: ApprovalRequest) -> Read:
    return Read(one.version, one.content_hash)


def decide(store: Store, actor: Actor, one: ApprovalRequest, what: str = "approve", **other: Any) -> Moved:
    """A decision by somebody who read ``one``."""
    values: dict[str, Any] = {
        "now": NOW, "request_id": one.request_id, "expected_version": one.version, "content_hash": one.content_hash,
        "reason": "looked at", "key": uuid4().hex,
    }  # fmt: skip
    services = {"approve": approvals.approve, "reject": approvals.reject, "return": approvals.return_request}
    return services[what](actor, store, **values | other)


def effects(store: Store) -> int:
    """How often a command of the tests ran."""
    with store.reading() as connection:
        return connection.execute(
            select(func.count()).select_from(audit_log).where(audit_log.c.action == "test.waived")
        ).scalar_one()
