"""Who decides on what, from which amount: the reference data, until an approved request changes it for a kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ops_app.domain.canonical import content_hash
from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.approval_rules import ANY_CURRENCY, ApprovalRule, rules_from
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.organisation.approval_defaults import reference_rules, rules_of_kind
from ops_app.services.organisation.approval_kinds import Draft, kind_of, register
from ops_app.services.organisation.approval_making import request_approval
from ops_app.store.organisation import approval_rules
from ops_app.store.store import Store, Transaction

CHANGE = "approvals.rules_change"
"""The kind of a request that changes the rules of a kind."""


@act("approvals.view")
def list_rules(actor: Actor, store: Store, *, now: datetime, kind: str | None = None) -> list[ApprovalRule]:
    """The rules that hold now, of one kind or of all; an agency is shown none of the asset company's."""
    if actor.agency_code is not None:
        return []
    with store.reading() as connection:
        stored = approval_rules.rules_of(connection)
    changed = {rule.kind for rule in stored}
    every = [*stored, *(rule for rule in reference_rules() if rule.kind not in changed)]
    return [rule for rule in every if rule.is_valid(now) and kind in (None, rule.kind)]


@act("approvals.rules")
def request_rules(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    kind: str,
    levels: Sequence[Mapping[str, Any]],
    reason: str,
    key: str,
) -> str:
    """Ask that ``kind`` be decided by these ``levels`` from the moment of approval on (``level``, ``role``, optionally
    ``from_minor`` and ``currency``); requests made before keep theirs. The id of the request."""
    arguments = {"kind": kind, "levels": [dict(row) for row in levels]}
    return request_approval(
        actor, store, now=now, kind=CHANGE, object_type="approval_kind", object_id=kind, arguments=arguments,
        reason=reason, key=key,
    )  # fmt: skip


def facts_of(rule: ApprovalRule) -> dict[str, object]:
    """What the audit log keeps of a rule."""
    return {
        "currency": rule.currency,
        "from_minor": rule.from_minor,
        "level": rule.level_no,
        "role": rule.role,
        "starts_at": rule.starts_at,
    }


def _stated(arguments: Mapping[str, Any], at: datetime) -> tuple[ApprovalRule, ...]:
    kind_of(str(arguments["kind"]))
    try:
        rules = rules_from({str(arguments["kind"]): arguments["levels"]}, at)
    except (KeyError, TypeError, ValueError) as error:
        raise Invalid(
            "Each level names its number and its role.", "每一级须注明级次与角色。", field="levels"
        ) from error
    if not any(rule.currency == ANY_CURRENCY for rule in rules):
        raise Invalid(
            "One set of levels must hold for every currency.", "须有一组适用于所有币种的审批级次。", field="levels"
        )
    return rules


def _check(transaction: Transaction, draft: Draft) -> None:
    if draft.object_id != draft.arguments["kind"]:
        raise Invalid("The request is about another kind.", "申请对象与内容不一致。", field="kind")
    _stated(draft.arguments, transaction.now)


def _change(transaction: Transaction, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    kind, now = str(arguments["kind"]), transaction.now
    rules = _stated(arguments, now)
    before = [rule for rule in rules_of_kind(transaction.connection, kind) if rule.is_valid(now)]
    ended = approval_rules.end_rules(transaction.connection, kind, now)
    approval_rules.add_rules(transaction.connection, rules, now, transaction.actor.person_id)
    transaction.audit(
        "approval_rules.changed",
        "approval_kind",
        kind,
        before={"rules": [facts_of(rule) for rule in before]},
        after={"rules": [facts_of(rule) for rule in rules]},
    )
    return {"ended": ended, "entered": len(rules), "content_hash": content_hash(arguments)}


register(
    CHANGE,
    name=("change of approval rules", "审批规则变更"),
    make="approvals.rules",
    run=_change,
    check=_check,
    labels={"kind": ("kind of request", "申请类型"), "levels": ("levels", "审批级次")},
)
