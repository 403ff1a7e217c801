"""Checks of the journal: lines fold to positions, what stands mirrors what was reversed, money is conserved.

Each reads set by set and changes nothing; the cost is one pass over the lines. ``case_ids`` narrows a check to some
cases (for what checks after every step); without it the whole ledger is looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, and_, case, exists, func, literal, not_, or_, select, union_all
from sqlalchemy.engine import Connection

from ops_app.domain.findings import Finding, broken, holds
from ops_app.domain.ledger import accounts
from ops_app.domain.ledger.accounts import Component, claims
from ops_app.domain.ledger.replay import SAME_AS, replayed
from ops_app.store.ledger import journal, receipts
from ops_app.store.ledger.payments import chunks
from ops_app.store.store import Store
from ops_app.store.tables.journal import journal_entries, journal_lines, ledger_events, ledger_positions
from ops_app.store.tables.ledger import payments

BALANCE_INVARIANT, BALANCE_NAME = 3, "entries balance, sub-ledgers equal their control accounts, nothing posted changes"
POSTED_INVARIANT, POSTED_NAME = 1, "every payment is applied, held, outside or taken back, to the minor unit"
REPLAYED_NAME = "the events of every case, replayed, post what stands"

_E, _L, _P, _V = journal_entries.c, journal_lines.c, ledger_positions.c, ledger_events.c
_SUB_LEDGER = {
    **{claims(part): f"{part.value}_minor" for part in Component},
    accounts.SUSPENSE_CASE: "held_minor",
    accounts.WRITTEN_OFF_CLAIMS: "written_off",
}


def verify_journal(store: Store) -> Finding:
    """Invariant 3."""
    with store.reading() as connection:
        entries = int(connection.execute(select(func.count()).select_from(journal_entries)).scalar_one())
        wrong = verify_lines(connection) or verify_claims(connection)
    return (
        broken(BALANCE_INVARIANT, BALANCE_NAME, entries, wrong)
        if wrong
        else holds(BALANCE_INVARIANT, BALANCE_NAME, entries)
    )


def verify_posted(store: Store) -> Finding:
    """Invariant 1 in the ledger: every recorded payment is posted or waits, and moved exactly its amount."""
    with store.reading() as connection:
        total = int(connection.execute(select(func.count()).select_from(payments)).scalar_one())
        wrong = verify_conserved(connection)
    return broken(POSTED_INVARIANT, POSTED_NAME, total, wrong) if wrong else holds(POSTED_INVARIANT, POSTED_NAME, total)


def verify_replayed(store: Store) -> Finding:
    """Invariant 3 the long way: the events of every case, replayed, post what stands."""
    checked = 0
    with store.reading() as connection:
        ids: Sequence[str] = connection.execute(select(_P.case_id).order_by(_P.case_id)).scalars().all()
        for some in chunks(ids):
            events, stands = journal.events_of(connection, some), journal.standing(connection, case_ids=some)
            for case_id in some:
                checked += 1
                effects, _ = replayed(events[case_id])
                for one in events[case_id]:
                    ought = effects[one.event_id].transfers if one.event_id in effects else ()
                    if (stands[one.event_id].transfers if one.event_id in stands else ()) != ought:
                        what = f"event {one.event_id} of case {case_id} does not stand as its replay says"
                        return broken(BALANCE_INVARIANT, REPLAYED_NAME, checked, what)
    return holds(BALANCE_INVARIANT, REPLAYED_NAME, checked)


def _some(column: ColumnElement[str | None], case_ids: Collection[str] | None) -> list[ColumnElement[bool]]:
    return [] if case_ids is None else [column.in_(sorted(case_ids))]


def verify_lines(connection: Connection, case_ids: Collection[str] | None = None) -> str | None:
    """The first entry that is not the sum of its lines, does not mirror what it reverses, or stands beside another of
    the same event; None where all is well."""
    sums = (
        select(_L.entry_id, func.sum(_L.amount_minor).label("total"), func.count().label("lines"))
        .where(*_some(_L.case_id, case_ids))
        .group_by(_L.entry_id)
        .subquery()
    )
    unlike = (
        select(_E.entry_id)
        .outerjoin(sums, sums.c.entry_id == _E.entry_id)
        .where(*_some(_E.case_id, case_ids), func.coalesce(sums.c.total, 0) != _E.total_minor)
        .limit(1)
    )
    if (found := connection.execute(unlike).scalar()) is not None:
        return f"entry {found} is not the sum of its lines"
    first, back = journal_entries.alias("first"), journal_entries.alias("back")
    there, mirror = journal_lines.alias("there"), journal_lines.alias("mirror")
    matched = (
        select(func.count())
        .select_from(there)
        .join(
            mirror,
            and_(
                mirror.c.entry_id == back.c.entry_id,
                mirror.c.line_no == there.c.line_no,
                mirror.c.debit_account == there.c.credit_account,
                mirror.c.credit_account == there.c.debit_account,
                mirror.c.amount_minor == there.c.amount_minor,
            ),
        )
        .where(there.c.entry_id == first.c.entry_id)
        .scalar_subquery()
    )
    lines_of = select(func.count()).where(_L.entry_id == first.c.entry_id).scalar_subquery()
    unmirrored = (
        select(back.c.entry_id)
        .join(first, first.c.entry_id == back.c.reverses_entry_id)
        .where(*_some(back.c.case_id, case_ids))
        .where(or_(matched != lines_of, first.c.total_minor != back.c.total_minor, first.c.event_id != back.c.event_id))
        .limit(1)
    )
    if (found := connection.execute(unmirrored).scalar()) is not None:
        return f"entry {found} does not mirror what it reverses"
    reversed_ones = select(_E.reverses_entry_id).where(_E.reverses_entry_id.is_not(None))
    twice = (
        select(_E.event_id)
        .where(*_some(_E.case_id, case_ids), _E.reverses_entry_id.is_(None), _E.entry_id.not_in(reversed_ones))
        .group_by(_E.event_id)
        .having(func.count() > 1)
        .limit(1)
    )
    if (found := connection.execute(twice).scalar()) is not None:
        return f"event {found} stands posted twice"
    return None


def verify_claims(connection: Connection, case_ids: Collection[str] | None = None) -> str | None:
    """The first case of which the lines do not fold to its position; None where all do."""
    legs = union_all(
        *(
            select(_L.case_id, account.label("account"), _L.component, (sign * _L.amount_minor).label("minor")).where(
                *_some(_L.case_id, case_ids), _L.case_id.is_not(None), account.in_(_SUB_LEDGER)
            )
            for account, sign in ((_L.debit_account, 1), (_L.credit_account, -1))
        )
    ).subquery()
    folded = []
    for part in Component:
        for account, name in (
            (claims(part), f"{part.value}_minor"),
            (accounts.WRITTEN_OFF_CLAIMS, f"written_off_{part.value}_minor"),
        ):
            of = and_(legs.c.account == account, legs.c.component == part.value)
            folded.append(func.coalesce(func.sum(case((of, legs.c.minor), else_=0)), 0).label(name))
    held = legs.c.account == accounts.SUSPENSE_CASE
    folded.append(func.coalesce(func.sum(case((held, -legs.c.minor), else_=0)), 0).label("held_minor"))
    fold = select(legs.c.case_id, *folded).group_by(legs.c.case_id).subquery()
    names = [column.name for column in fold.c if column.name != "case_id"]
    differs = or_(*(func.coalesce(fold.c[name], 0) != _P[name] for name in names))
    unlike = (
        select(_P.case_id)
        .outerjoin(fold, fold.c.case_id == _P.case_id)
        .where(*_some(_P.case_id, case_ids), differs)
        .limit(1)
    )
    if (found := connection.execute(unlike).scalar()) is not None:
        return f"the lines of case {found} do not add up to where it stands"
    without = (
        select(fold.c.case_id).outerjoin(ledger_positions, _P.case_id == fold.c.case_id).where(_P.case_id.is_(None))
    )
    if (found := connection.execute(without.limit(1)).scalar()) is not None:
        return f"case {found} has lines and no position"
    return None


def verify_conserved(connection: Connection, case_ids: Collection[str] | None = None) -> str | None:
    """The first payment of which what moved in cash is not its amount, or that was recorded and neither posted nor has
    to wait; None where money is conserved (invariant 1)."""
    net = (
        select(
            _E.event_id,
            func.sum(
                case(
                    (_L.debit_account == accounts.CASH, _L.amount_minor),
                    (_L.credit_account == accounts.CASH, -_L.amount_minor),
                    else_=0,
                )
            ).label("cash"),
        )
        .join(journal_lines, _L.entry_id == _E.entry_id)
        .where(*_some(_E.case_id, case_ids))
        .group_by(_E.event_id)
        .subquery()
    )
    undoing = ledger_events.alias("undoing")
    cancelled = exists(select(literal(1)).where(undoing.c.kind == "cancellation", undoing.c.target_id == _V.event_id))
    signed = case((_V.kind == "receipt", _V.amount_minor), else_=-_V.amount_minor)
    unlike = (
        select(_V.cause_id)
        .outerjoin(net, net.c.event_id == _V.event_id)
        .where(*_some(_V.case_id, case_ids), _V.cause == "payment", not_(_V.cause_id.like("%#%")))
        # what the lender tells of a refund of ours moved with ours (decision 0032)
        .where(not_(_V.terms_json.like(f'%"{SAME_AS}"%')))
        .where(not_(cancelled), func.coalesce(net.c.cash, 0) != signed)
        .limit(1)
    )
    if (found := connection.execute(unlike).scalar()) is not None:
        return f"payment {found} moved another amount than its own"
    if case_ids is not None:
        return None
    found = connection.execute(receipts.unposted().limit(1)).scalar()
    return None if found is None else f"payment {found} is recorded and not posted"
