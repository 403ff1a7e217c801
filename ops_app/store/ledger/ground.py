"""What the posting of payments stands on, read at once: the cases of their loans, locked, with where they stand in the
ledger, and which of the rarer things there are at all.

Cost: one statement for the cases and one for the questions (on PostgreSQL one more, the lock that postings share with
the closing of a period), whatever the number of payments up to a few hundred. A question that is answered with no
spares the statement that would have found nothing; each is asked under the locks of the cases.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Select, bindparam, exists, func, select
from sqlalchemy.engine import Connection

from ops_app.domain.ledger.replay import State
from ops_app.store import asking
from ops_app.store.casework import case_writing
from ops_app.store.casework.cases import Case
from ops_app.store.casework.cases import stored as case_of
from ops_app.store.ledger import closing
from ops_app.store.ledger.journal import first_open_date, state_of
from ops_app.store.ledger.payments import chunks
from ops_app.store.ledger.receipts import Claim, Loan
from ops_app.store.tables.agreements import agreements
from ops_app.store.tables.casework import cases
from ops_app.store.tables.contact import contact_holds
from ops_app.store.tables.journal import ledger_events, ledger_positions
from ops_app.store.tables.ledger import loan_instalments, payments
from ops_app.store.tables.parameters import closed_periods

_C, _P = cases.c, ledger_positions.c
_SOURCE: Any = bindparam("source")


def _one_of(name: str) -> Any:
    return bindparam(name, expanding=True)


# made once: on the way of every payment, making a statement costs more than running it
_HELD = (
    select(cases, *(one for one in _P if one.name != "case_id"))
    .join(ledger_positions, _P.case_id == _C.case_id)
    .where(_C.source_code == _SOURCE, _C.loan_id.in_(_one_of("ids")))
    .order_by(_C.case_id)
    # both, for what was waited for is then read as it is now
    .with_for_update(of=[cases, ledger_positions])
)
_IDS = select(_C.case_id).where(_C.source_code == _SOURCE, _C.loan_id.in_(_one_of("ids")))
_OF_CASE = len(cases.c)
MOST_ASKED = 1_000
_CASE_NAMES = tuple(column.name for column in cases.c)
_POSITION_NAMES = tuple(column.name for column in _P if column.name != "case_id")


def _asked() -> Select[Any]:
    events, back, of = ledger_events.c, payments.c, _one_of
    holds, schedule = contact_holds.c, loan_instalments.c
    return select(
        select(func.max(closed_periods.c.end_date)).where(closed_periods.c.area == "ledger").scalar_subquery(),
        exists().where(events.cause == "payment", events.cause_id.in_(of("keys"))),
        exists().where(back.source_code.in_(of("sources")), back.reverses_payment_id.in_(of("numbers"))),
        exists().where(holds.because_id.in_(of("becauses"))),
        exists().where(holds.case_id.in_(of("cases"))),
        exists().where(schedule.source_code.in_(of("sources")), schedule.loan_id.in_(of("loans"))),
        exists().where(agreements.c.case_id.in_(of("cases"))),
    )


_ASKED = _asked()


@dataclass
class Ground:
    """Cases of loans, held until the transaction ends: ``claims`` by loan (the latest spell first), ``cases`` and
    ``states`` by case. ``open_from`` is the first accounting day that may be posted to. The rest says what there may
    be: events of these payments (``events``), reversals that waited for them (``waiting``), holds ``because`` of them
    or of what they reverse, any ``holds`` on the cases, ``schedules`` of the loans, ``agreements`` of the cases."""

    claims: dict[Loan, list[Claim]] = field(default_factory=dict)
    cases: dict[str, Case] = field(default_factory=dict)
    states: dict[str, State] = field(default_factory=dict)
    open_from: date = date.min
    events: bool = True
    waiting: bool = True
    because: bool = True
    holds: bool = True
    schedules: bool = True
    agreements: bool = True

    def has(self, case_ids: Collection[str]) -> bool:
        """Whether the answers hold for all of these cases."""
        return self.cases.keys() >= set(case_ids)


def hold_claims(connection: Connection, ground: Ground, loans: Collection[Loan]) -> None:
    """Lock the spells of ``loans`` that the ledger took over, in the order of their ids, and read them."""
    parts = [
        (source, some)
        for source in sorted({source for source, _ in loans})
        for some in chunks(sorted(loan for of, loan in loans if of == source))
    ]
    if len(parts) > 1 and connection.dialect.name != "sqlite":  # one order for all, whatever the statements
        ids: list[str] = []
        for source, some in parts:
            ids += connection.execute(_IDS, _asking(source, some)).scalars()
        case_writing.hold(connection, ids)
    for source, some in parts:
        of_loan: dict[str, list[tuple[int, Claim]]] = {}
        for row in asking.ask(connection, _HELD, _asking(source, some)):
            case = case_of(dict(zip(_CASE_NAMES, row[:_OF_CASE], strict=True)))
            position = dict(zip(_POSITION_NAMES, row[_OF_CASE:], strict=True))
            ground.cases[case.case_id] = case
            ground.states[case.case_id] = state_of(position)
            of_loan.setdefault(case.loan_id, []).append((case.spell_no, _claim(case, position)))
        for loan, spells in of_loan.items():
            ground.claims[source, loan] = [one for _, one in sorted(spells, key=lambda it: it[0], reverse=True)]


def ask(
    connection: Connection, ground: Ground, keys: Sequence[tuple[str, str]], reversed_keys: Collection[tuple[str, str]],
    loans: Collection[Loan],
) -> None:  # fmt: skip
    """Answer the questions of ``ground`` for payments (source, payment id), for what they reverse and for their loans,
    with the cases that are held; of very many nothing is asked, and everything may be. Nobody closes a period before
    this transaction has ended."""
    if len(keys) > MOST_ASKED:
        ground.open_from = first_open_date(connection)
        return
    closing.hold_open(connection)
    told = [f"{source}/{payment}" for source, payment in keys]
    asked = {
        "keys": told,
        "numbers": [payment for _, payment in keys],
        "becauses": [*told, *(f"{source}/{payment}" for source, payment in reversed_keys)],
        "cases": list(ground.cases),
        "loans": [loan for _, loan in loans],
        "sources": sorted({source for source, _ in keys}),
    }
    (found,) = asking.ask(connection, _ASKED, asked)
    ground.open_from = found[0] or date.min
    (ground.events, ground.waiting, ground.because, ground.holds, ground.schedules, ground.agreements) = found[1:]


def _asking(source: str, ids: Sequence[str]) -> Mapping[str, Any]:
    return {"source": source, "ids": ids}


def _claim(case: Case, position: Mapping[str, Any]) -> Claim:
    return Claim(
        case.case_id, case.currency, case.lender_code, case.product_code, case.days_past_due, case.as_of_date,
        position["opening_date"], case.closed_date,
    )  # fmt: skip
