"""What is missing from the settlement of an agency: every payment of its placements reckoned anew, and the lines that
make the difference to what its lines say so far.

The reckoning looks at cases on which something was posted since the settlement before, so that whatever comes late
(a back-dated payment, a reversal, a refund) falls into the open period. It reads; the caller writes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy.engine import Connection

from ops_app.domain.canonical import canonical_json, key_hash
from ops_app.domain.ledger.commission_terms import AgeBasis
from ops_app.domain.ledger.commissions import (
    Cash,
    Fee,
    LineKind,
    NewLine,
    Part,
    Placed,
    Unearned,
    conduct_lines,
    exclusion,
    lines_for,
    work_out,
)
from ops_app.domain.ledger.ownership import Custody, owner_of
from ops_app.domain.money import round_half_up
from ops_app.services.organisation.installation import installation
from ops_app.store.ledger import commission_facts, commissions
from ops_app.store.ledger.commission_facts import CaseFacts, PaidCash, PlacedCase
from ops_app.store.ledger.commissions import Contract, Known, Settlement
from ops_app.store.zone import begin_of

LONGEST_ACT = timedelta(hours=1)
"""An act's moment is that of its beginning: what an act longer than this posted would be looked at a period later."""


@dataclass(frozen=True)
class Book:
    """What is known of some cases: their facts, placements, payments, promises and what a former system settled."""

    facts: Mapping[str, CaseFacts]
    placements: Mapping[str, Sequence[PlacedCase]]
    cash: Sequence[PaidCash]
    batches: Mapping[str, Sequence[tuple[datetime, str]]]
    promises: Mapping[str, Sequence[tuple[datetime, date]]]
    settled: Mapping[str, set[str]]


@dataclass(frozen=True)
class Owned:
    """A payment with the placement it belongs to (``None``: to none), its contract, and why it does not count."""

    paid: PaidCash
    placed: PlacedCase | None
    contract: Contract | None
    cash: Cash


def book_of(connection: Connection, case_ids: Sequence[str], end_date: date) -> Book:
    """What is known of these cases, payments value-dated before ``end_date``."""
    return Book(
        commission_facts.case_facts(connection, case_ids),
        commission_facts.placements_of(connection, case_ids),
        commission_facts.cash_of(connection, case_ids, end_date),
        commission_facts.batches_of(connection, case_ids),
        commission_facts.promises_of(connection, case_ids),
        commission_facts.settled_before(connection, case_ids),
    )


def custody_of(one: PlacedCase) -> Custody:
    """The days of a placement in the zone of the installation, as the lists of placements count what was collected."""
    zone = installation().zone
    first = one.placed_at.astimezone(zone).date()
    if one.ended_at is None:
        until = None
    else:
        end = min(one.ended_at, one.due_at)
        closed = one.end_reason == "closed" and end > one.placed_at
        until = max(first, end.astimezone(zone).date() + timedelta(days=closed))
    return Custody(one.placement_id, one.nth, one.agency_code, first, until, one.tail_until_date)


def owned(book: Book, known: Sequence[Contract]) -> list[Owned]:
    """Each payment of the book with the placement whose it is, by the version of the contract that was in force on the
    day of placement; with the reason where it counts for nobody."""
    versions: dict[tuple[str, str], list[Contract]] = defaultdict(list)
    for version in known:
        versions[version.agency_code, version.currency].append(version)
    custodies: dict[str, list[Custody]] = {}
    contracts: dict[str, Contract | None] = {}
    by_id: dict[str, PlacedCase] = {}
    for case_id, several in book.placements.items():
        custodies[case_id] = [custody_of(one) for one in several]
        for one, days in zip(several, custodies[case_id], strict=True):
            by_id[one.placement_id] = one
            own = versions.get((one.agency_code, one.currency), [])
            contracts[one.placement_id] = commissions.in_force(own, days.first_date)
    tails = {name: one.terms.tail_days if one else None for name, one in contracts.items()}
    found = []
    for paid in book.cash:
        custody, why = owner_of(paid.value_date, custodies.get(paid.case_id, ()), tails)
        placed = by_id[custody.placement_id] if custody else None
        contract = contracts[custody.placement_id] if custody else None
        if custody and contract is None:
            why = Unearned.NO_CONTRACT
        found.append(Owned(paid, placed, contract, _cash(book, paid, placed, custody, contract, why)))
    return found


def _cash(
    book: Book, paid: PaidCash, placed: PlacedCase | None, custody: Custody | None, contract: Contract | None,
    why: Unearned | None,
) -> Cash:  # fmt: skip
    if contract is None or placed is None or custody is None:
        return Cash(paid.event_id, paid.value_date, 0, 0, channel=paid.channel, reason=why)
    terms, facts = contract.terms, book.facts[paid.case_id]
    minor = max(0, sum(paid.parts.get(one, 0) for one in terms.components))
    promised = any(
        begun_at < placed.placed_at and custody.first_date <= due and paid.value_date <= due
        for begun_at, due in book.promises.get(paid.case_id, ())
    )
    begun = facts.opened_date if terms.age_basis is AgeBasis.ENTRY else custody.first_date
    settled = paid.payment_id in book.settled.get(paid.case_id, ())
    reason = Unearned.SETTLED_BEFORE if settled else exclusion(terms, paid.channel, promised, minor)
    return Cash(
        paid.event_id, paid.value_date, minor, max(0, (paid.value_date - begun).days), facts.bucket, paid.channel,
        reason,
    )  # fmt: skip


def placed_of(one: PlacedCase, facts: CaseFacts) -> Placed:
    """A placement as the rules look at it."""
    return Placed(
        one.placement_id, one.nth, one.placed_balance_minor, facts.original_principal_minor, facts.product_code
    )


def missing_lines(connection: Connection, one: Settlement, by: str, now: datetime) -> list[dict[str, Any]]:
    """The rows of lines that are missing from a settlement at ``now``."""
    before = None if one.previous_id is None else commissions.settlement(connection, one.previous_id)
    since = None if before is None else before.computed_at - LONGEST_ACT
    touched = commission_facts.touched_cases(
        connection, one.agency_code, one.currency, since=since, first_date=one.first_date, end_date=one.end_date
    )
    book = book_of(connection, touched, one.end_date)
    agencies = {it.agency_code for several in book.placements.values() for it in several}
    known = [it for it in commissions.contracts(connection) if it.agency_code in agencies]
    earned = commissions.earned_of(connection, one.agency_code, touched)
    first = {it.contract_id: it for it in known}
    sums = commissions.sums_of(connection, one.settlement_id)
    rows = _Rows(one, by, now, sums.last_no)
    for placement_id, several in _by_placement(owned(book, known), one, earned).items():
        _reckon(rows, book, placement_id, several, earned, first)
    return rows.made


def conduct_rows(connection: Connection, one: Settlement, by: str, now: datetime) -> list[dict[str, Any]]:
    """The rows for conduct that are missing from a settlement whose lines of cash are all entered."""
    contract = commissions.contracts_by_id(connection, [one.contract_id])[one.contract_id]
    sums = commissions.sums_of(connection, one.settlement_id)
    there = commissions.apart_of(connection, one.settlement_id)
    raised = commission_facts.complaints(connection, one.agency_code, begin_of(one.first_date), begin_of(one.end_date))
    rows = _Rows(one, by, now, sums.last_no)
    for kind, wanted in conduct_lines(contract.terms, sums.cash_fees_minor, raised).items():
        so_far, count = there.get(kind, (0, 0))
        if wanted != so_far:
            conduct = contract.terms.conduct
            rate = conduct.bonus if kind is LineKind.BONUS else Decimal(0)
            facts = {"complaints": raised, "fees_minor": sums.cash_fees_minor, "so_far_minor": so_far}
            rows.add_apart(kind, contract, count + 1, wanted - so_far, rate, facts)
    return rows.made


def _by_placement(
    payments: Sequence[Owned], one: Settlement, earned: Mapping[str, Known]
) -> dict[str, list[tuple[Owned, Cash]]]:
    """Placement → its payments for the agency, with the cash each counts with: those that are its own, and those that
    earned there and are another's by now, with none."""
    found: dict[str, list[tuple[Owned, Cash]]] = defaultdict(list)
    for it in payments:
        known = earned.get(it.paid.event_id)
        placed = it.placed
        mine = placed is not None and placed.agency_code == one.agency_code and placed.currency == one.currency
        if known is not None:
            stays = mine and placed is not None and placed.placement_id == known.placement_id
            gone = replace(it.cash, cash_minor=0, reason=it.cash.reason or Unearned.IN_HOUSE)
            found[known.placement_id].append((it, it.cash if stays else gone))
        elif mine and placed is not None and it.contract is not None:
            found[placed.placement_id].append((it, it.cash))
    return dict(sorted(found.items()))


def _reckon(
    rows: _Rows, book: Book, placement_id: str, several: Sequence[tuple[Owned, Cash]], earned: Mapping[str, Known],
    contracts: Mapping[str, Contract],
) -> None:  # fmt: skip
    """The lines missing for the payments of one placement. The version of its first line stays its version."""
    case_id = several[0][0].paid.case_id
    placed = next(it for it in book.placements[case_id] if it.placement_id == placement_id)
    pinned = sorted(earned[it.paid.event_id].contract_id for it, _ in several if it.paid.event_id in earned)
    contract = contracts[pinned[0]] if pinned else next(it.contract for it, _ in several if it.contract is not None)
    facts = book.facts[case_id]
    fees = work_out(contract.terms, placed_of(placed, facts), [cash for _, cash in several])
    moments = book.batches.get(case_id, ())
    batch = next((batch_id for made_at, batch_id in moments if made_at <= placed.placed_at), None)
    for it, cash in several:
        known = earned.get(it.paid.event_id)
        fee = fees[it.paid.event_id]
        for new in lines_for(fee, known.earned if known else None, contract.terms.minimum_minor):
            rows.add(new, fee, contract, it.paid, cash, placed, facts, batch, known)


class _Rows:
    """The rows that are going to be written, numbered on from the last one of the settlement."""

    def __init__(self, one: Settlement, by: str, now: datetime, last_no: int) -> None:
        self.one, self.by, self.now, self.last_no = one, by, now, last_no
        self.made: list[dict[str, Any]] = []

    def add(
        self, new: NewLine, fee: Fee, contract: Contract, paid: PaidCash, cash: Cash, placed: PlacedCase,
        facts: CaseFacts, batch: str | None, known: Known | None,
    ) -> None:  # fmt: skip
        """The row of a line of cash."""
        terms = contract.terms
        inputs = {
            "age_days": cash.age_days, "bucket": cash.bucket, "product": facts.product_code, "channel": paid.channel,
            "placement_nth": placed.nth, "placed_balance_minor": placed.placed_balance_minor,
            "original_principal_minor": facts.original_principal_minor, "cash_minor": fee.cash_minor,
            "before_minor": fee.before_minor, "reached_minor": fee.reached_minor, "room_minor": fee.room_minor,
            "full_minor": fee.full_minor, "cut_minor": fee.cut_minor, "entries": paid.entries,
            "components": {one.value: minor for one, minor in sorted(paid.parts.items()) if minor},
            "reason": None if fee.reason is None else fee.reason.value,
            "parts": [[part.tier, str(part.rate), part.cash_minor] for part in new.parts],
            "now": [[part.tier, str(part.rate), part.cash_minor] for part in fee.parts],
        }  # fmt: skip
        self._row(
            new.kind, contract, new.nth, value_date=paid.value_date, tier=tier_name(new.parts),
            rate_ppm=rate_ppm(new.parts), base_minor=new.cash_minor, full_minor=new.full_minor,
            cut_minor=new.cut_minor, fee_minor=new.fee_minor, facts_json=canonical_json(inputs),
            payment_event_id=paid.event_id, original_line_id=known.first_line_id if known else None,
            source_code=paid.source_code, payment_id=paid.payment_id, loan_id=paid.loan_id, case_id=paid.case_id,
            placement_id=placed.placement_id, batch_id=batch, paid_to=terms.paid_to(paid.channel).value,
        )  # fmt: skip

    def add_apart(
        self, kind: LineKind, contract: Contract, nth: int, fee_minor: int, rate: Decimal, facts: Mapping[str, Any]
    ) -> None:
        """The row of a line for conduct."""
        self._row(
            kind, contract, nth, value_date=self.one.end_date - timedelta(days=1), tier="",
            rate_ppm=_ppm(rate), base_minor=0, full_minor=fee_minor, cut_minor=0, fee_minor=fee_minor,
            facts_json=canonical_json(facts),
        )  # fmt: skip

    def _row(self, kind: LineKind, contract: Contract, nth: int, **values: Any) -> None:
        self.last_no += 1
        one = self.one
        about = values.get("payment_event_id") or f"{one.settlement_id}/{kind.value}"
        empty = dict.fromkeys(
            ("payment_event_id", "original_line_id", "source_code", "payment_id", "loan_id", "case_id", "placement_id",
             "batch_id", "paid_to", "reason")
        )  # fmt: skip
        self.made.append(
            empty
            | {
                "line_id": line_id(about, one.agency_code, contract.contract_id, nth),
                "settlement_id": one.settlement_id, "line_no": self.last_no, "kind": kind.value,
                "agency_code": one.agency_code, "contract_id": contract.contract_id, "nth": nth,
                "currency": one.currency, "made_by": self.by, "made_at": self.now,
            }
            | values
        )  # fmt: skip


def line_id(about: str, agency_code: str, contract_id: str, nth: int) -> str:
    """The id of the n-th line of a payment for an agency by a version."""
    return key_hash("commission_line", about, agency_code, contract_id, str(nth))[:32]


def tier_name(parts: Sequence[Part]) -> str:
    """The codes of the tiers of a line."""
    return "+".join(part.tier or "–" for part in parts)[:200]


def rate_ppm(parts: Sequence[Part]) -> int:
    """The rate of a line in millionths; of several tiers that of all cash together."""
    cash = sum(part.cash_minor for part in parts)
    if len(parts) == 1 or not cash:
        return _ppm(parts[0].rate) if parts else 0
    return round_half_up(sum((part.rate * part.cash_minor for part in parts), Decimal(0)) * 1_000_000 / cash)


def _ppm(rate: Decimal) -> int:
    return round_half_up(rate * 1_000_000)
