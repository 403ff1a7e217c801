"""The statement of a settlement: its lines, the versions of the contracts they follow and what they come to. The same
settlement gives the same content for ever; its hash is kept when it is locked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy.engine import Connection

from ops_app.domain.canonical import content_hash
from ops_app.domain.ledger.commission_terms import stated
from ops_app.domain.ledger.settlements import CLOSED, Totals, totals_of
from ops_app.domain.organisation.agencies import AgencyState
from ops_app.store.ledger import commissions
from ops_app.store.ledger.commissions import CommissionLine, Contract, Settlement
from ops_app.store.organisation import agencies

_LINE = (
    "line_id", "line_no", "kind", "contract_id", "payment_event_id", "nth", "original_line_id", "source_code",
    "payment_id", "loan_id", "case_id", "placement_id", "batch_id", "value_date", "currency", "tier", "rate_ppm",
    "paid_to", "base_minor", "full_minor", "cut_minor", "fee_minor", "facts", "reason",
)  # fmt: skip


@dataclass(frozen=True)
class Statement:
    """A settlement with all it says. ``agency_name`` is for its reader and no part of its content."""

    settlement: Settlement
    agency_name: str
    lines: tuple[CommissionLine, ...]
    contracts: tuple[Contract, ...]
    result: Totals

    @property
    def content(self) -> dict[str, Any]:
        """What is hashed: inputs, rules and results, nothing that may change later."""
        one = self.settlement
        return {
            "number": one.number, "agency_code": one.agency_code, "currency": one.currency,
            "first_date": one.first_date, "end_date": one.end_date, "previous_id": one.previous_id,
            "contract_id": one.contract_id,
            "contracts": [
                {"contract_id": it.contract_id, "version_no": it.version_no, "valid_from": it.valid_from,
                 "terms": stated(it.terms)}
                for it in self.contracts
            ],
            "lines": [{name: getattr(it, name) for name in _LINE} for it in self.lines],
            "totals": asdict(self.result),
        }  # fmt: skip

    @property
    def hash(self) -> str:
        """The hash of the content."""
        return content_hash(self.content)


def statement_of(connection: Connection, one: Settlement) -> Statement:
    """The statement of a settlement as it stands. What a closed one carried in and came to is as it was locked."""
    lines = tuple(commissions.lines_of(connection, one.settlement_id))
    versions = commissions.contracts_by_id(connection, {one.contract_id, *(it.contract_id for it in lines)})
    agency = agencies.by_code(connection, one.agency_code)
    left = agency is not None and agency.state is AgencyState.ENDED
    if one.state in CLOSED and one.totals is not None:
        left = bool(one.totals["receivable_minor"])
    result = reckoned(connection, one, lines, versions[one.contract_id], left)
    name = one.agency_code if agency is None else agency.name
    ordered = tuple(sorted(versions.values(), key=lambda it: it.contract_id))
    return Statement(one, name, lines, ordered, result)


def reckoned(
    connection: Connection, one: Settlement, lines: tuple[CommissionLine, ...], contract: Contract, left: bool
) -> Totals:
    """What the lines come to, with what the period before left owing."""
    before = None if one.previous_id is None else commissions.settlement(connection, one.previous_id)
    carried: Mapping[str, Any] = (before.totals if before else None) or {}
    since = carried.get("carried_since")
    return totals_of(
        sum(it.fee_minor for it in lines),
        sum(it.base_minor for it in lines if it.paid_to == "agency"),
        carried_in_minor=int(carried.get("carried_out_minor", 0)),
        carried_since=None if since is None else date.fromisoformat(since),
        first_date=one.first_date,
        tax_rate=contract.terms.tax_rate,
        agency_cash=contract.terms.agency_cash,
        agency_left=left,
    )
