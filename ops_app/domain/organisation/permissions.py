"""Permissions: function codes and the roles that hold them when the house is new."""

from __future__ import annotations

from ops_app.domain.errors import Refused
from ops_app.domain.organisation.people import Actor, Role
from ops_app.domain.organisation.rights import AMOUNTS, AmountsHidden

_ASSET_STAFF = frozenset(
    {
        Role.ADMINISTRATOR,
        Role.ALLOCATION,
        Role.FINANCE,
        Role.AUDITOR,
        Role.COMPLIANCE,
        Role.MANAGER,
        Role.SUPERVISOR,
        Role.ANALYST,
        Role.OPERATOR,
    }
)

GRANTS: dict[str, frozenset[Role]] = {
    "dashboards.view": _ASSET_STAFF,
    "operations.view": frozenset({Role.ADMINISTRATOR, Role.OPERATOR, Role.SUPERVISOR, Role.MANAGER}),
    "operations.run": frozenset({Role.ADMINISTRATOR, Role.OPERATOR, Role.SYSTEM}),
    "quarantine.correct": frozenset({Role.OPERATOR, Role.SUPERVISOR, Role.FINANCE}),
    "imports.view": frozenset(
        {
            Role.ADMINISTRATOR,
            Role.OPERATOR,
            Role.SUPERVISOR,
            Role.FINANCE,
            Role.MANAGER,
            Role.AUDITOR,
            Role.AGENCY_ADMINISTRATOR,
            Role.AGENCY_SUPERVISOR,
        }
    ),
    # an agency's people bring and see their own agency's files alone
    "imports.make": frozenset(
        {Role.OPERATOR, Role.SUPERVISOR, Role.FINANCE, Role.AGENCY_ADMINISTRATOR, Role.AGENCY_SUPERVISOR}
    ),
    "history.view": frozenset(
        {Role.ADMINISTRATOR, Role.OPERATOR, Role.SUPERVISOR, Role.FINANCE, Role.MANAGER, Role.AUDITOR, Role.SYSTEM}
    ),
    "history.take_over": frozenset({Role.OPERATOR, Role.SUPERVISOR, Role.SYSTEM}),
    "reconciliation.view": frozenset({Role.SUPERVISOR, Role.FINANCE, Role.MANAGER, Role.AUDITOR, Role.SYSTEM}),
    "reconciliation.decide": frozenset({Role.SUPERVISOR, Role.FINANCE}),
    "reconciliation.oversee": frozenset({Role.MANAGER}),
    "reconciliation.run": frozenset({Role.SYSTEM, Role.FINANCE, Role.OPERATOR}),
    "suspense.view": frozenset({Role.SUPERVISOR, Role.FINANCE, Role.MANAGER, Role.AUDITOR, Role.SYSTEM}),
    "suspense.decide": frozenset({Role.SUPERVISOR, Role.FINANCE}),
    "refunds.view": frozenset({Role.SUPERVISOR, Role.FINANCE, Role.MANAGER, Role.AUDITOR, Role.SYSTEM}),
    "refunds.request": frozenset({Role.SUPERVISOR, Role.FINANCE}),
    # who makes the file that pays reads payees in full
    "refunds.pay": frozenset({Role.FINANCE}),
    "refunds.settle": frozenset({Role.SYSTEM, Role.FINANCE}),
    # what everything together comes to; an entry of it tells no debtor's name
    "books.view": frozenset({Role.FINANCE, Role.AUDITOR, Role.MANAGER, Role.SYSTEM}),
    "books.export": frozenset({Role.FINANCE}),
    "differences.decide": frozenset({Role.FINANCE, Role.SUPERVISOR}),
    "write_offs.view": _ASSET_STAFF,
    "write_offs.request": frozenset({Role.SUPERVISOR, Role.FINANCE}),
    "write_offs.criteria": frozenset({Role.ADMINISTRATOR, Role.COMPLIANCE}),
    "payments.view": _ASSET_STAFF | {Role.SYSTEM},
    # an agency reads the payments of its placement windows alone: the query is bound to it
    "repayments.view": _ASSET_STAFF | {Role.AGENCY_ADMINISTRATOR, Role.AGENCY_SUPERVISOR, Role.SYSTEM},
    "payments.record": frozenset({Role.SYSTEM, Role.FINANCE}),
    "messages.view": frozenset({Role.OPERATOR, Role.SUPERVISOR}),
    "messages.decide": frozenset({Role.OPERATOR, Role.SUPERVISOR}),
    "commission.view": frozenset({Role.SUPERVISOR, Role.FINANCE, Role.MANAGER, Role.AUDITOR, Role.SYSTEM}),
    "commission.contracts": frozenset({Role.SUPERVISOR, Role.FINANCE}),
    "commission.settle": frozenset({Role.SUPERVISOR, Role.FINANCE, Role.SYSTEM}),
    "commission.pay": frozenset({Role.FINANCE}),
    "commission.claims": frozenset({Role.FINANCE}),
    # an agency's people see and answer for their own agency's statements alone
    "commission.own": frozenset({Role.AGENCY_ADMINISTRATOR, Role.AGENCY_SUPERVISOR}),
    "commission.split": frozenset({Role.AGENCY_ADMINISTRATOR}),
    # a payment that is not matched or is disputed holds contact until one of these decides
    "contact.hold": frozenset({Role.SUPERVISOR, Role.FINANCE, Role.COMPLIANCE}),
    "cases.view": _ASSET_STAFF | {Role.AGENCY_ADMINISTRATOR, Role.AGENCY_SUPERVISOR, Role.COLLECTOR, Role.SYSTEM},
    "cases.company": _ASSET_STAFF,
    "cases.ledger": _ASSET_STAFF | {Role.SYSTEM},
    "cases.agency": frozenset({Role.AGENCY_ADMINISTRATOR, Role.AGENCY_SUPERVISOR}),
    "cases.own": frozenset({Role.COLLECTOR}),
    "cases.intake": frozenset({Role.SYSTEM}),
    "cases.move": frozenset({Role.SUPERVISOR, Role.ALLOCATION}),
    "cases.hold": frozenset({Role.SUPERVISOR, Role.ALLOCATION, Role.COMPLIANCE}),
    "cases.place": frozenset({Role.SUPERVISOR, Role.ALLOCATION}),
    "cases.file": frozenset({Role.SUPERVISOR, Role.ALLOCATION, Role.AGENCY_ADMINISTRATOR, Role.AGENCY_SUPERVISOR}),
    "cases.withdraw_recall": frozenset({Role.SUPERVISOR, Role.ALLOCATION}),
    "cases.recall_now": frozenset({Role.SUPERVISOR, Role.COMPLIANCE, Role.MANAGER}),
    "cases.alerts": frozenset({Role.SUPERVISOR, Role.ALLOCATION, Role.COMPLIANCE, Role.MANAGER}),
    "cases.touch": frozenset({Role.COLLECTOR, Role.AGENCY_SUPERVISOR}),
    "cases.assign": frozenset({Role.SUPERVISOR, Role.ALLOCATION, Role.AGENCY_SUPERVISOR}),
    "cases.conflict": frozenset({Role.SUPERVISOR, Role.AGENCY_SUPERVISOR, Role.COLLECTOR}),
    "cases.conflict_end": frozenset({Role.SUPERVISOR, Role.AGENCY_SUPERVISOR}),
    "cases.flag": frozenset({Role.SUPERVISOR, Role.COMPLIANCE, Role.AGENCY_SUPERVISOR, Role.COLLECTOR}),
    "cases.interrupt": frozenset({Role.SUPERVISOR, Role.ALLOCATION, Role.COMPLIANCE}),
    "cases.missing": frozenset({Role.SUPERVISOR, Role.OPERATOR}),
    "cases.push": frozenset({Role.SYSTEM, Role.OPERATOR}),
    "cases.clear_flag": frozenset({Role.SUPERVISOR, Role.COMPLIANCE}),
    "cases.unmask": frozenset({Role.SUPERVISOR, Role.COMPLIANCE, Role.AGENCY_SUPERVISOR, Role.COLLECTOR}),
    "fields.name": frozenset({Role.SUPERVISOR, Role.COMPLIANCE, Role.AGENCY_SUPERVISOR, Role.COLLECTOR}),
    "fields.phones": frozenset({Role.SUPERVISOR, Role.COMPLIANCE, Role.AGENCY_SUPERVISOR, Role.COLLECTOR}),
    "fields.address": frozenset({Role.SUPERVISOR, Role.COMPLIANCE, Role.AGENCY_SUPERVISOR, Role.COLLECTOR}),
    "fields.employer": frozenset({Role.SUPERVISOR, Role.COMPLIANCE, Role.AGENCY_SUPERVISOR}),
    "fields.national_id": frozenset({Role.SUPERVISOR, Role.COMPLIANCE}),
    # everybody who sees cases, payments or dashboards at all; withheld from a person, every amount is hidden from them
    AMOUNTS: _ASSET_STAFF | {Role.AGENCY_ADMINISTRATOR, Role.AGENCY_SUPERVISOR, Role.COLLECTOR, Role.SYSTEM},
    "requests.view": _ASSET_STAFF | {Role.AGENCY_ADMINISTRATOR, Role.AGENCY_SUPERVISOR, Role.COLLECTOR},
    "requests.raise": frozenset(
        {Role.SUPERVISOR, Role.ALLOCATION, Role.COMPLIANCE, Role.AGENCY_SUPERVISOR, Role.COLLECTOR}
    ),
    "requests.audit": frozenset(
        {Role.SUPERVISOR, Role.FINANCE, Role.COMPLIANCE, Role.ADMINISTRATOR, Role.MANAGER, Role.AUDITOR}
    ),
    "requests.rules": frozenset({Role.ADMINISTRATOR, Role.COMPLIANCE}),
    "cases.tag": frozenset({Role.SUPERVISOR, Role.ALLOCATION, Role.COMPLIANCE, Role.AGENCY_SUPERVISOR, Role.COLLECTOR}),
    "cases.attach": frozenset(
        {Role.SUPERVISOR, Role.ALLOCATION, Role.COMPLIANCE, Role.AGENCY_SUPERVISOR, Role.COLLECTOR}
    ),
    "cases.withdraw": frozenset({Role.SUPERVISOR, Role.COMPLIANCE, Role.AGENCY_SUPERVISOR}),
    "views.share": frozenset({Role.SUPERVISOR, Role.MANAGER, Role.COMPLIANCE, Role.AGENCY_SUPERVISOR}),
    "people.manage": frozenset({Role.ADMINISTRATOR}),
    "rights.review": frozenset({Role.ADMINISTRATOR, Role.AUDITOR, Role.COMPLIANCE}),
    "rights.narrow": frozenset({Role.ADMINISTRATOR}),
    "parameters.view": _ASSET_STAFF,
    "parameters.change": frozenset({Role.ADMINISTRATOR, Role.COMPLIANCE}),
    "periods.close": frozenset({Role.FINANCE, Role.SYSTEM}),
    "people.manage_own_agency": frozenset({Role.AGENCY_ADMINISTRATOR}),
    "organisation.view": _ASSET_STAFF,
    "organisation.manage": frozenset({Role.ADMINISTRATOR}),
    "agencies.view": _ASSET_STAFF | {Role.SYSTEM},
    "agencies.manage": frozenset({Role.MANAGER, Role.SUPERVISOR, Role.ADMINISTRATOR}),
    "agencies.evaluate": frozenset({Role.MANAGER, Role.COMPLIANCE}),
    "agencies.move": frozenset({Role.MANAGER, Role.SUPERVISOR, Role.COMPLIANCE, Role.SYSTEM}),
    "audit.verify": frozenset({Role.AUDITOR, Role.ADMINISTRATOR, Role.OPERATOR, Role.COMPLIANCE, Role.SYSTEM}),
    "audit.view": frozenset({Role.AUDITOR, Role.ADMINISTRATOR, Role.COMPLIANCE}),
    "sql.query": frozenset({Role.ANALYST, Role.MANAGER, Role.AUDITOR}),
    # an agency takes along what is placed with it now; more than a few rows are released by the asset company alone
    "rows.export": _ASSET_STAFF | {Role.AGENCY_ADMINISTRATOR, Role.AGENCY_SUPERVISOR},
    "announcements.manage": frozenset({Role.ADMINISTRATOR, Role.COMPLIANCE, Role.MANAGER, Role.SUPERVISOR}),
    # an agency's people reach what their own agency asked for and nothing else: every query is bound to it
    "approvals.view": _ASSET_STAFF | {Role.AGENCY_SUPERVISOR},
    "approvals.own": _ASSET_STAFF | {Role.AGENCY_SUPERVISOR, Role.COLLECTOR},
    "approvals.decide": frozenset(
        {Role.SUPERVISOR, Role.FINANCE, Role.COMPLIANCE, Role.ADMINISTRATOR, Role.MANAGER, Role.AGENCY_SUPERVISOR}
    ),
    "approvals.rules": frozenset({Role.ADMINISTRATOR, Role.COMPLIANCE}),
    "session.own": frozenset(Role),
    "system.run": frozenset({Role.SYSTEM}),
}
"""Permission → roles. Default deny: a code that is not here belongs to nobody."""

OWN_ACCOUNT = "session.own"

ROLE_NAMES: dict[Role, tuple[str, str]] = {
    Role.ADMINISTRATOR: ("administrator", "系统管理员"),
    Role.ALLOCATION: ("allocation officer", "分案专员"),
    Role.FINANCE: ("finance", "财务"),
    Role.AUDITOR: ("auditor", "审计"),
    Role.COMPLIANCE: ("compliance", "合规"),
    Role.MANAGER: ("manager", "经理"),
    Role.SUPERVISOR: ("supervisor", "主管"),
    Role.ANALYST: ("analyst", "分析师"),
    Role.OPERATOR: ("operator", "运维"),
    Role.AGENCY_ADMINISTRATOR: ("agency administrator", "机构管理员"),
    Role.AGENCY_SUPERVISOR: ("agency supervisor", "机构主管"),
    Role.COLLECTOR: ("collector", "催收员"),
    Role.FIELD_VISITOR: ("field visitor", "外访员"),
    Role.SYSTEM: ("system", "系统"),
}


def may(actor: Actor, permission: str) -> bool:
    """Whether the actor's role holds ``permission``; with a temporary password only the own account is open."""
    if actor.must_change_password and permission != OWN_ACCOUNT:
        return False
    return actor.role in GRANTS.get(permission, frozenset()) and actor.rights.leaves(permission)


def require(actor: Actor, permission: str) -> None:
    """Refuse, naming who may, unless the actor holds ``permission``."""
    if may(actor, permission):
        return
    if actor.must_change_password:
        raise Refused(
            "You signed in with a temporary password. Change it on your account page first.",
            "您正在使用临时密码登录，请先在账号页面修改密码。",
        )
    if actor.role in GRANTS.get(permission, frozenset()):
        if permission not in actor.rights.withheld and actor.rights.hides(permission):
            raise AmountsHidden
        raise Refused(
            "Your role includes this, but it was withheld from you, or your access is narrowed to some cases. "
            "Ask the administrator.",
            "您的角色包含此权限，但已对您停用，或您的数据范围已被缩小。请联系系统管理员。",
        )
    holders = [role for role in Role if role in GRANTS.get(permission, frozenset()) and role is not Role.SYSTEM]
    who_en = ", ".join(ROLE_NAMES[role][0] for role in holders) or "nobody"
    who_zh = "、".join(ROLE_NAMES[role][1] for role in holders) or "无人"
    raise Refused(
        f"Your role ({ROLE_NAMES[actor.role][0]}) does not include this. It may be done by: {who_en}.",
        f"您的角色（{ROLE_NAMES[actor.role][1]}）无此权限。可由以下角色办理：{who_zh}。",
    )


_ADMINISTRATORS_KEEP = frozenset({"people.manage", "rights.narrow"})


def may_be_taken(role: Role, permission: str) -> bool:
    """Whether a right can be taken from people of a role alone. Administrators keep those without which nobody could
    give anything back; there the role is changed."""
    return not (role is Role.ADMINISTRATOR and permission in _ADMINISTRATORS_KEEP)
