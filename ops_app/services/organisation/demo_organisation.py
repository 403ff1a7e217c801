"""The demo's small tree of units and the agencies of its simulator. They exist in demo mode only."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from ops_app.domain.errors import Refused
from ops_app.domain.organisation.agencies import AgencyState
from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.periods import Period
from ops_app.domain.organisation.placement import Evaluation, EvaluationKind, EvaluationResult
from ops_app.domain.organisation.units import UnitKind, UnitPeriod, unit_id_of
from ops_app.services.act import act
from ops_app.services.organisation.memberships import enter_membership
from ops_app.store.organisation import agencies, agency_contracts, agency_people, people, units
from ops_app.store.organisation.agencies import Agency
from ops_app.store.store import Store, Transaction

_UNITS: tuple[tuple[str, str, UnitKind, str | None], ...] = (
    ("HQ", "总部 Head office", UnitKind.HEAD_OFFICE, None),
    ("EAST", "华东分部 East branch", UnitKind.BRANCH, "HQ"),
    ("SOUTH", "华南分部 South branch", UnitKind.BRANCH, "HQ"),
    ("FIN", "财务组 Finance team", UnitKind.TEAM, "HQ"),
    ("EAST-T1", "华东一组 East team 1", UnitKind.TEAM, "EAST"),
    ("EAST-T1-P", "电催岗 Telephone post", UnitKind.POST, "EAST-T1"),
)
_MEMBERS = {
    "manager": "HQ",
    "supervisor": "EAST",
    "finance": "FIN",
    "collector": "EAST-T1",
    "analyst": "HQ",
    "operator": "HQ",
    "auditor": "HQ",
    "compliance": "HQ",
}
_EAST = ("310000", "320000", "330000", "340000", "350000", "370000")
_SOUTH = ("410000", "420000", "430000", "440000", "450000", "460000")
_SOUTH_WEST = ("500000", "510000", "520000", "530000", "540000", "610000")
"""Provinces by their codes; no two agencies work the same one."""
_AGENCIES: tuple[tuple[str, str, str, tuple[str, ...], int, int], ...] = (
    ("AG01", "星衡催收服务有限公司", "星衡", _EAST, 4000, 400),
    ("AG02", "远桥信用管理有限公司", "远桥", _SOUTH, 3000, 200),
    ("AG03", "明序资产服务有限公司", "明序", _SOUTH_WEST, 2500, 20),
)
"""Code, name, short name, regions, capacity, and in how many days the contract ends."""


@act("system.run")
def create_demo_organisation(actor: Actor, store: Store, *, now: datetime, today: date, demo: bool) -> None:
    """Create the demo's units, memberships and agencies where they are not there yet.

    Raises ``Refused`` unless ``demo`` is given as true.
    """
    if not demo:
        raise Refused("The demo's organisation exists in demo mode only.", "演示组织仅在演示模式下创建。")
    with store.reading() as connection:
        has_units = bool(units.all_units(connection))
        missing = [one for one in _AGENCIES if agencies.by_code(connection, one[0]) is None]
    if not has_units:
        with store.writing(actor, now) as transaction:
            _enter_units(transaction, today - timedelta(days=365))
    if missing:
        with store.writing(actor, now) as transaction:
            for one in missing:
                _enter_agency(transaction, today, *one)


def _enter_units(transaction: Transaction, since: date) -> None:
    for code, name, kind, parent in _UNITS:
        row = UnitPeriod(unit_id_of(code), kind, unit_id_of(parent) if parent else None, name, Period(since))
        units.add(transaction, code, row)
        transaction.audit("unit.added", "unit", row.unit_id, after={"unit_code": code, "name": name, "kind": kind})
    for sign_in_name, code in _MEMBERS.items():
        person = people.by_name(transaction.connection, sign_in_name)
        if person is not None:
            enter_membership(transaction, person, unit_id_of(code), since)


def _enter_agency(
    transaction: Transaction,
    today: date,
    code: str,
    name: str,
    short_name: str,
    regions: tuple[str, ...],
    capacity_cases: int,
    contract_days: int,
) -> None:
    agency = Agency(
        agency_code=code,
        name=name,
        short_name=short_name,
        state=AgencyState.ACTIVE,
        white_listed=True,
        licence_number=f"DEMO-{code}",
        licence_expires_date=today + timedelta(days=500),
        fee_schedule="STANDARD",
        regions=regions,
        capacity_cases=capacity_cases,
        contact_name=None,
        contact_phone=None,
        contact_email=None,
        created_at=transaction.now,
        changed_at=transaction.now,
        changed_by=transaction.actor.name,
        version=1,
    )
    agencies.add(transaction.connection, agency)
    number, began = f"DEMO-{code}-1", today - timedelta(days=300)
    agency_contracts.add_contract(transaction, code, number, Period(began, today + timedelta(days=contract_days)))
    said = Evaluation(today - timedelta(days=90), EvaluationKind.ANNUAL, 88, 84, 91, EvaluationResult.PASS)
    agency_contracts.add_evaluation(transaction, code, said, "demo")
    transaction.audit("agency.added", "agency", code, after=agency.facts() | {"contract_number": number})
    for person in people.ids_of_agency(transaction.connection, code):
        expires = today + timedelta(days=500)
        agency_people.add_certificate(transaction, code, person, "collector", f"DEMO-{person}", expires)
