"""Contracts on commission: proposed by one person, put in force as a new version by another, tried out beforehand."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import yaml
from sqlalchemy.exc import IntegrityError

from ops_app.config import PROJECT_ROOT, yaml_of
from ops_app.domain.canonical import content_hash, key_hash
from ops_app.domain.errors import Conflict, Invalid, NotFound
from ops_app.domain.ledger.commission_terms import Terms, stated, terms_of
from ops_app.domain.ledger.commissions import Cash, Fee, Placed, cap_minor, work_out
from ops_app.domain.money import round_half_up
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.organisation.approval_kinds import Draft, register
from ops_app.services.organisation.approval_making import request_approval
from ops_app.store import stored_json
from ops_app.store.ledger import commissions
from ops_app.store.ledger.commissions import Contract
from ops_app.store.organisation import agencies
from ops_app.store.store import Store, Transaction

__all__ = ["Contract", "Tried", "example_terms", "list_contracts", "propose_contract", "read_terms", "try_out"]

KIND = "commission.contract"
"""The kind of request that puts a version in force."""

EXAMPLES = PROJECT_ROOT / "data" / "reference" / "commission"


@dataclass(frozen=True)
class Tried:
    """What one payment would earn, step by step: its parts by tier, the fee before the cap, the cap, and the tax."""

    fee: Fee
    cap_minor: int | None
    tax_minor: int


@functools.cache
def example_terms() -> Mapping[str, Mapping[str, Any]]:
    """Name → terms as a file of the reference data states them. Raises ``Invalid`` naming a wrong file."""
    found = {}
    for file in sorted(EXAMPLES.glob("*.yml")):
        found[file.stem] = stated(read_terms(file.read_text(encoding="utf-8")))
    return found


def read_terms(text: str) -> Terms:
    """The terms that ``text`` (YAML) states. Raises ``Invalid``."""
    try:
        return terms_of(yaml_of(text))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise Invalid(f"Line {line} is no YAML.", f"第 {line} 行不是有效的 YAML。", field="terms") from error


@act("commission.view")
def list_contracts(
    actor: Actor, store: Store, *, now: datetime, agency_code: str | None = None
) -> tuple[Contract, ...]:
    """All versions (of an agency), the latest of each agency and currency first."""
    with store.reading() as connection:
        return tuple(commissions.contracts(connection, agency_code))


@act("commission.view")
def try_out(
    actor: Actor, store: Store, *, now: datetime, terms: Terms, cash_minor: int, age_days: int, bucket: str,
    product: str = "", placement_nth: int = 1, placed_balance_minor: int, original_principal_minor: int,
    before_minor: int = 0,
) -> Tried:  # fmt: skip
    """What a payment would earn by ``terms``; ``before_minor`` is the cash of the placement before it. Changes nothing.

    Raises ``Invalid`` for amounts or days below zero.
    """
    if min(cash_minor, age_days, placed_balance_minor, original_principal_minor, before_minor) < 0 or placement_nth < 1:
        raise Invalid("Amounts and days are not below zero.", "金额与天数不得小于零。", field="cash_minor")
    placed = Placed("", placement_nth, placed_balance_minor, original_principal_minor, product)
    days = [Cash(name, date.min, minor, age_days, bucket) for name, minor in (("0", before_minor), ("1", cash_minor))]
    fee = work_out(terms, placed, days)["1"]
    return Tried(fee, cap_minor(terms, placed), round_half_up(terms.tax_rate * fee.fee_minor))


@act("commission.contracts")
def propose_contract(
    actor: Actor, store: Store, *, now: datetime, agency_code: str, valid_from: date, terms: Terms, reason: str,
    key: str,
) -> str:  # fmt: skip
    """Ask that ``terms`` hold for placements of the agency that begin on ``valid_from`` or later; the id of the
    request, the same for every repetition of ``key``. Raises ``Invalid`` for a day that is settled already."""
    arguments = {
        "agency_code": agency_code, "valid_from": valid_from, "terms": stated(terms), "asked_by": actor.person_id,
    }  # fmt: skip
    return request_approval(
        actor, store, now=now, kind=KIND, object_type="commission_contract",
        object_id=f"{agency_code}/{terms.currency}", arguments=arguments, reason=reason, key=key,
    )  # fmt: skip


def _check(transaction: Transaction, draft: Draft) -> None:
    if draft.arguments.get("asked_by") != transaction.actor.person_id:
        raise Invalid("Somebody asks for themselves.", "只能以本人名义提交。", field="asked_by")
    _stated(transaction, draft.arguments)


def _stated(transaction: Transaction, arguments: Mapping[str, Any]) -> tuple[Terms, date]:
    connection = transaction.connection
    terms = terms_of(arguments["terms"])
    agency_code, valid_from = str(arguments["agency_code"]), date.fromisoformat(str(arguments["valid_from"]))
    if agencies.by_code(connection, agency_code) is None:
        raise NotFound("There is no such agency.", "没有该机构。")
    last = commissions.last_settlement(connection, agency_code, terms.currency)
    if last is not None and valid_from < last.first_date:
        raise Invalid(
            f"Days before {last.first_date} are settled; a version begins on that day or later.",
            f"{last.first_date} 之前的期间已结算，新版本只能自该日或之后生效。",
            field="valid_from",
        )
    return terms, valid_from


def _run(transaction: Transaction, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    terms, valid_from = _stated(transaction, arguments)
    connection, agency_code = transaction.connection, str(arguments["agency_code"])
    known = [one for one in commissions.contracts(connection, agency_code) if one.currency == terms.currency]
    version = max((one.version_no for one in known), default=0) + 1
    kept = stated(terms)
    contract_id = key_hash("commission_contract", agency_code, terms.currency, str(version))[:32]
    values = {
        "contract_id": contract_id,
        "agency_code": agency_code, "currency": terms.currency, "version_no": version, "valid_from": valid_from,
        "terms_json": stored_json.write(kept), "terms_hash": content_hash(kept), "reason": "",
        "asked_by": str(arguments["asked_by"]), "approved_by": transaction.actor.person_id,
        "entered_at": transaction.now,
    }  # fmt: skip
    try:
        with transaction.part():
            commissions.add_contract(connection, values)
    except IntegrityError as error:
        raise Conflict("Another version was put in force meanwhile.", "其间已有其他版本生效。") from error
    facts = {"version_no": version, "valid_from": valid_from, "terms_hash": values["terms_hash"]}
    transaction.audit("commission.contract_entered", "commission_contract", contract_id, after=facts)
    return {"contract_id": contract_id, "version_no": version}


register(
    KIND,
    name=("commission contract", "佣金合同"),
    make="commission.contracts",
    run=_run,
    check=_check,
    labels={
        "agency_code": ("agency", "催收机构"),
        "valid_from": ("for placements from", "适用委托起始日"),
        "terms": ("terms", "条款"),
        "asked_by": ("asked by", "经办人"),
    },
)
