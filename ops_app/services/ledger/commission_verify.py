"""Checks of what must always hold of commission. They read; they change nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from itertools import groupby

from sqlalchemy import select
from sqlalchemy.engine import Connection

from ops_app.domain.canonical import plain
from ops_app.domain.findings import Finding, broken, holds
from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.commission_terms import Terms
from ops_app.domain.ledger.commissions import Cash, LineKind, Placed, fee_by, fee_of
from ops_app.domain.ledger.settlements import CLOSED
from ops_app.services.ledger.statements import statement_of
from ops_app.store.ledger import commission_facts, commissions
from ops_app.store.ledger.commissions import CommissionLine, line_of, parts_from
from ops_app.store.store import Store
from ops_app.store.tables.commissions import commission_lines, settlements

ONCE_INVARIANT, ONCE_NAME = 5, "no payment earns commission twice, and what goes back takes what it earned"
CLOSED_INVARIANT, CLOSED_NAME = 11, "a locked settlement recomputes to the same bytes"

_L = commission_lines.c
_OF_CASH = frozenset({LineKind.EARNED, LineKind.CLAWBACK, LineKind.RESTORED})
_AT_ONCE = 2_000


def verify_commission(store: Store) -> Finding:
    """Invariant 5: the lines of each payment make one chain, whose cash is what stood in the journal when each was
    made, whose fees follow from the terms of their version, and whose clawbacks have the rate of the first line; over
    all agencies a payment counts at most once.

    A broken finding names the first line that does not hold.
    """
    checked = 0
    with store.reading() as connection:
        terms = {one.contract_id: one.terms for one in commissions.contracts(connection)}
        for several in _chains(connection):
            checked += sum(len(chain) for chain in several.values())
            stood = _stood(connection, {event for event, _ in several})
            together: dict[str, int] = defaultdict(int)
            for (event, _), chain in several.items():
                why = wrong_chain(chain, terms[chain[0].contract_id], stood[event])
                if why is not None:
                    return broken(ONCE_INVARIANT, ONCE_NAME, checked, why)
                together[event] += sum(one.base_minor for one in chain)
            for event, minor in together.items():
                now = sum(amount for _, _, amount in stood[event])
                if minor > max(0, now) and not _is_behind(several, event, stood[event]):
                    what = f"payment {event}: {minor} counted of {now}"
                    return broken(ONCE_INVARIANT, ONCE_NAME, checked, what)
    return holds(ONCE_INVARIANT, ONCE_NAME, checked)


def verify_statements(store: Store) -> Finding:
    """Invariant 11 for settlements: each that is locked has the content it was locked with, to the byte, and comes to
    what it then came to. A broken finding names the first one that does not."""
    checked = 0
    with store.reading() as connection:
        states = [one.value for one in CLOSED]
        query = select(settlements.c.settlement_id).where(settlements.c.state.in_(states)).order_by("settlement_id")
        for row in connection.execute(query).all():
            one = commissions.settlement(connection, row.settlement_id)
            assert one is not None
            checked += 1
            made = statement_of(connection, one)
            if plain(asdict(made.result)) != dict(one.totals or {}):
                return broken(CLOSED_INVARIANT, CLOSED_NAME, checked, f"{one.number} comes to something else now")
            if made.hash != one.content_hash:
                return broken(CLOSED_INVARIANT, CLOSED_NAME, checked, f"{one.number} has other content now")
    return holds(CLOSED_INVARIANT, CLOSED_NAME, checked)


Chain = Sequence[CommissionLine]
Stood = Sequence[tuple[str, str | None, int]]
"""(entry, component, signed minor units) of a payment in the order of posting."""


def wrong_chain(chain: Chain, terms: Terms, stood: Stood) -> str | None:
    """What is wrong with the lines of one payment for one agency; ``None`` where nothing is."""
    first = chain[0]
    if [one.nth for one in chain] != list(range(1, len(chain) + 1)) or first.kind is not LineKind.EARNED:
        return f"line {first.line_id}: a line before it is missing"
    original = parts_from(first.facts)
    cash = full = cut = by_cash = 0
    for _, group in groupby(chain, key=lambda one: (one.settlement_id, one.made_at, one.kind is LineKind.CORRECTION)):
        made = list(group)
        for one in made:
            cash, cut = cash + one.base_minor, cut + one.cut_minor
            if one.kind is LineKind.CORRECTION:
                continue
            full += one.full_minor
            if one.kind in _OF_CASH:
                by_cash += one.full_minor
                if parts_from(one.facts) != original or by_cash != fee_of(original, cash, terms.minimum_minor):
                    return f"line {one.line_id}: not at the rate of the first line"
            if one is not first and one.original_line_id != first.line_id:
                return f"line {one.line_id}: it names another line as the first"
        last = made[-1]
        if last.kind is LineKind.CORRECTION:
            continue
        why = _wrong_facts(last, terms, stood, cash, full, cut)
        if why is not None:
            return f"line {last.line_id}: {why}"
    return None


def _wrong_facts(
    one: CommissionLine, terms: Terms, stood: Stood, cash_minor: int, full_minor: int, cut_minor: int
) -> str | None:
    """What does not follow from the inputs that a line keeps."""
    facts = one.facts
    said = (facts["cash_minor"], facts["full_minor"], facts["cut_minor"])
    if said != (cash_minor, full_minor, cut_minor):
        return "the lines do not sum up to what was reckoned"
    if not cash_minor:
        return None if not full_minor and not cut_minor else "nothing is left, and it still earns"
    if cash_minor != max(0, _cash(stood, int(facts["entries"]), terms)):
        return "its cash is not what stood in the journal"
    placed = Placed(
        "", facts["placement_nth"], facts["placed_balance_minor"], facts["original_principal_minor"],
        facts["product"],
    )  # fmt: skip
    paid = Cash("", date.min, cash_minor, facts["age_days"], facts["bucket"], facts["channel"])
    fee = fee_by(terms, placed, paid, facts["before_minor"], facts["reached_minor"], facts["room_minor"])
    if [[part.tier, str(part.rate), part.cash_minor] for part in fee.parts] != facts["now"]:
        return "its tiers do not follow from the terms"
    return None if (fee.full_minor, fee.cut_minor) == (full_minor, cut_minor) else "its fee does not follow"


def _cash(stood: Stood, entries: int, terms: Terms) -> int:
    """What stood on the components that count after so many entries."""
    seen: dict[str, None] = {}
    total = 0
    for entry, component, minor in stood:
        seen.setdefault(entry)
        if len(seen) > entries:
            break
        if component is not None and Component(component) in terms.components:
            total += minor
    return total


def _is_behind(several: Mapping[tuple[str, str], Chain], event: str, stood: Stood) -> bool:
    """Whether something was posted for a payment since its lines were made: the open period takes it up."""
    known = max(one.facts.get("entries", 0) for (it, _), chain in several.items() if it == event for one in chain)
    return len({entry for entry, _, _ in stood}) > int(known)


def _chains(connection: Connection) -> Iterator[dict[tuple[str, str], list[CommissionLine]]]:
    """Lines of payments by payment and agency, some payments at a time."""
    query = (
        select(commission_lines)
        .where(_L.payment_event_id.is_not(None))
        .order_by(_L.payment_event_id, _L.agency_code, _L.nth)
    )
    found: dict[tuple[str, str], list[CommissionLine]] = {}
    for row in connection.execution_options(yield_per=_AT_ONCE).execute(query).mappings():
        one = line_of(row)
        key = (str(one.payment_event_id), one.agency_code)
        if len(found) >= _AT_ONCE and key[0] != next(reversed(found))[0]:
            yield found
            found = {}
        found.setdefault(key, []).append(one)
    if found:
        yield found


def _stood(connection: Connection, event_ids: set[str]) -> dict[str, list[tuple[str, str | None, int]]]:
    found: dict[str, list[tuple[str, str | None, int]]] = {one: [] for one in event_ids}
    for event, entry, component, minor in commission_facts.entries_of(connection, event_ids):
        found[event].append((entry, component, minor))
    return found
