"""Which requests on cases go up to the asset company, per agency: the reference data, until people change a rule."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.engine import Connection

from ops_app.config import PROJECT_ROOT, yaml_of
from ops_app.domain.casework.request_rules import (
    ANY,
    ASSET_STEP_NAMES,
    AssetStep,
    RequestRule,
    rule_for,
    rules_from,
)
from ops_app.domain.casework.requests import CASE_REQUEST_KIND_NAMES, CaseRequestKind
from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.organisation.approval_kinds import Draft, register
from ops_app.services.organisation.approval_making import request_approval
from ops_app.store.casework import request_rules
from ops_app.store.organisation import agencies
from ops_app.store.store import Store, Transaction

REFERENCE = PROJECT_ROOT / "data" / "reference" / "request_rules.yml"
CHANGE = "case_request.rules_change"
"""The kind of a request that changes one rule."""

OBJECT = "case_request_rule"
_ALWAYS = datetime(2000, 1, 1, tzinfo=UTC)


@functools.cache
def reference_rules() -> tuple[RequestRule, ...]:
    """What the reference data says; raises ``Invalid`` where it does not hold together."""
    return rules_from(yaml_of(REFERENCE.read_text(encoding="utf-8")), _ALWAYS)


def rules_in_force(connection: Connection) -> list[RequestRule]:
    """The rules of the reference and those that people made; the younger one of the same place wins."""
    return [*reference_rules(), *request_rules.all_rules(connection)]


def rule_of(
    connection: Connection, kind: CaseRequestKind, agency_code: str | None, currency: str, at: datetime
) -> RequestRule:
    """The rule that a request of this kind, agency and currency made ``at`` follows."""
    return rule_for(rules_in_force(connection), kind, agency_code, currency, at)


@act("requests.view")
def list_request_rules(actor: Actor, store: Store, *, now: datetime) -> list[RequestRule]:
    """The rules that hold now, one of each place; an agency's people see those that can apply to them."""
    with store.reading() as connection:
        every = rules_in_force(connection)
    newest: dict[tuple[str, str, str], RequestRule] = {}
    for rule in sorted(every, key=lambda rule: rule.starts_at):
        if rule.is_valid(now) and (actor.agency_code is None or rule.agency_code in (ANY, actor.agency_code)):
            newest[rule.place] = rule
    order = list(CaseRequestKind)
    return sorted(newest.values(), key=lambda rule: (order.index(rule.kind), rule.agency_code, rule.currency))


@act("requests.rules")
def request_rule_change(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    kind: CaseRequestKind,
    asset: AssetStep,
    due_hours: int,
    above_minor: int | None = None,
    agency_code: str = ANY,
    currency: str = ANY,
    reason: str,
    key: str,
) -> str:
    """Ask that requests of ``kind`` of an agency (``*``: of every agency without a rule of its own) follow this rule
    from the moment of approval on; requests made before keep theirs. The id of the request for approval."""
    arguments = {
        "kind": kind, "agency_code": agency_code, "currency": currency, "asset": asset, "above_minor": above_minor,
        "due_hours": due_hours,
    }  # fmt: skip
    return request_approval(
        actor, store, now=now, kind=CHANGE, object_type=OBJECT, object_id=f"{kind}/{agency_code}/{currency}",
        arguments=arguments, reason=reason, key=key,
    )  # fmt: skip


def _stated(arguments: Mapping[str, Any], at: datetime) -> RequestRule:
    try:
        return RequestRule(
            CaseRequestKind(arguments["kind"]), AssetStep(arguments["asset"]), int(arguments["due_hours"]), at,
            above_minor=arguments["above_minor"] if "above_minor" in arguments else arguments["above"],
            agency_code=str(arguments["agency_code"]),
            currency=str(arguments["currency"]),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise Invalid("The rule is not whole.", "规则内容不完整。", field="asset") from error


def _check(transaction: Transaction, draft: Draft) -> None:
    rule = _stated(draft.arguments, transaction.now)
    if draft.object_id != "/".join(rule.place):
        raise Invalid("The request is about another rule.", "申请对象与内容不一致。", field="kind")
    if rule.agency_code != ANY and agencies.by_code(transaction.connection, rule.agency_code) is None:
        raise Invalid("There is no such agency.", "没有该机构。", field="agency_code")


def _change(transaction: Transaction, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    rule = _stated(arguments, transaction.now)
    before = rule_of(transaction.connection, rule.kind, rule.agency_code, rule.currency, transaction.now)
    ended = request_rules.replace(transaction.connection, rule, transaction.now, transaction.actor.person_id)
    transaction.audit(
        "case_request.rules_changed", OBJECT, "/".join(rule.place), before=before.facts(), after=rule.facts()
    )
    return {"ended": ended, "rule_id": rule.rule_id}


register(
    CHANGE,
    name=("change of what goes up", "上报规则变更"),
    make="requests.rules",
    run=_change,
    check=_check,
    labels={
        "kind": ("kind of request", "申请类型"),
        **{f"kind.{kind.value}": names for kind, names in CASE_REQUEST_KIND_NAMES.items()},
        "agency_code": ("agency", "催收机构"),
        f"agency_code.{ANY}": ("every agency without a rule of its own", "无单独规则的全部机构"),
        "currency": ("currency", "币种"),
        f"currency.{ANY}": ("every currency", "全部币种"),
        "asset": ("goes up to the asset company", "上报资产公司"),
        **{f"asset.{step.value}": names for step, names in ASSET_STEP_NAMES.items()},
        "above_minor": ("above", "起点金额"),
        "above": ("above", "起点金额"),
        "due_hours": ("due in hours", "办理时限（小时）"),
    },
)
