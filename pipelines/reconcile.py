"""Reconcile a business date: record what the lender says, hold it against the bank, take the breaks to the desk.

Matches are a function of what has arrived and of what people decided: each run works them out over the whole ledger
and writes only the rows that differ. That is what makes days run one by one, in one go, twice or in another order end
alike, and it costs little (1.1 s for a million lines a side; ``tests/bench/reconciliation.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from ops_app.bootstrap import App
from ops_app.config import Settings, yaml_of
from ops_app.domain.errors import Invalid
from ops_app.domain.ledger.breaks import TOLD_KINDS, BreakKind
from ops_app.domain.ledger.repayments import Repayment
from ops_app.domain.organisation.people import SYSTEM
from ops_app.engines import reconciliation as engine
from ops_app.engines.reconciliation import Rules
from ops_app.gateways.clock import close_of
from ops_app.services.ledger import reconciliation_runs, repayments
from ops_app.services.ledger.reconciliation_runs import FoundBreak
from pipelines import extracts, refund_lines
from pipelines import reconcile_orders as orders
from pipelines import reconcile_sides as sides
from pipelines import reconcile_told as told
from pipelines.warehouse import Connection, Warehouse

AT_ONCE = 5_000
"""Payments in one transaction of the ops store."""

_PROOF = """
    business_date date, book varchar, currency varchar, payments bigint, lender_minor bigint, recorded_minor bigint,
    bank_lines bigint, bank_minor bigint, outside_payments bigint, outside_lender_minor bigint, outside_lines bigint,
    outside_bank_minor bigint, matches bigint, breaks bigint, difference_minor bigint, explained_minor bigint,
    unexplained_minor bigint
"""


@dataclass(frozen=True)
class DayReconciled:
    """What reconciling a day did. ``unrecordable`` payments were accepted but the ops store cannot keep them.

    ``as_of`` is the business date that was reconciled: a day before the last one is taken up into the last one.
    """

    as_of: date
    recorded: int
    repeated: int
    conflicting: int
    unrecordable: int
    matches: int
    breaks: int
    opened: int
    recurred: int
    cleared: int
    escalated: int
    difference_minor: int
    explained_minor: int
    unexplained_minor: int

    @property
    def balanced(self) -> bool:
        """Whether everything accepted is recorded and explained + unexplained = total difference."""
        return not self.unrecordable and self.explained_minor + self.unexplained_minor == self.difference_minor

    def as_dict(self) -> dict[str, Any]:
        """For a run's record."""
        return asdict(self) | {"as_of": self.as_of.isoformat()}


def load_rules(settings: Settings) -> Rules:
    """The rules of reconciliation from the reference data."""
    file = settings.reference_dir / "reconciliation.yml"
    return Rules.from_mapping(yaml_of(file.read_text(encoding="utf-8")))


def reconcile(warehouse: Warehouse, app: App, business_date: date, *, now: datetime | None = None) -> DayReconciled:
    """Reconcile everything that arrived up to ``business_date`` and what people decided.

    ``now`` is the moment the acts carry (the close of the business day unless given). Safe to repeat and to kill: the
    ops store changes in whole transactions, the warehouse in one, and a repetition changes nothing.
    """
    with warehouse.open() as connection:
        as_of = max(business_date, _last_date(connection, app, business_date))
        moment = now or close_of(as_of, app.settings.zone)
        rules = load_rules(app.settings)
        sides.lay_out_sides(connection, as_of, app.settings.timezone)
        orders.lay_out_orders(connection, rules, as_of)
        with extracts.opened(app.settings) as reader:
            sides.lay_out_recorded(connection, reader, app.settings.timezone)
            told.lay_out_told(connection, reader, as_of, app.settings.timezone)
        recorded = _record(connection, app, moment, as_of)
        sides.expect_too(connection, orders.EXPECTED)
        standing = reconciliation_runs.standing_decisions(SYSTEM, app.store, now=moment)
        sides.lay_out_decided(connection, [one for one in standing if one.kind not in TOLD_KINDS])
        told.lay_out_decided_told(connection, [one for one in standing if one.kind in TOLD_KINDS])
        try:
            engine.lay_out_refunds(connection, refund_lines.settle(connection, app, moment))
            done = engine.reconcile(connection, rules, as_of, told=True)
            found = [*_found(connection), *told.found_told(connection)]
            proof = engine.proof(connection)
            applied = reconciliation_runs.apply_run(
                SYSTEM, app.store, now=moment, business_date=as_of, found=found,
                claims=told.found_claims(connection, as_of), sheets=told.found_sheets(connection),
            )  # fmt: skip
            _write(warehouse, as_of)
        finally:
            engine.close(connection)
            sides.clear(connection)
            told.clear(connection)
        return DayReconciled(
            as_of,
            *recorded,
            matches=done.matches,
            breaks=len(found),
            opened=applied.opened,
            recurred=applied.recurred,
            cleared=applied.cleared,
            escalated=applied.escalated,
            difference_minor=int(proof["difference_minor"].sum()),
            explained_minor=int(proof["explained_minor"].sum()),
            unexplained_minor=int(proof["unexplained_minor"].sum()),
        )


def _last_date(connection: Connection, app: App, business_date: date) -> date:
    """The last day that was reconciled, by the proof sheets here and the breaks in the ops store."""
    connection.execute(f"create table if not exists recon.proof ({_PROOF})")
    known: list[tuple[date | None]] = connection.execute("select max(business_date) from recon.proof").fetchall()
    stood = reconciliation_runs.last_run_date(SYSTEM, app.store, now=close_of(business_date, app.settings.zone))
    return max(known[0][0] or date.min, stood or date.min)


def _record(connection: Connection, app: App, now: datetime, as_of: date) -> tuple[int, int, int, int]:
    recorded = repeated = conflicting = 0
    rows = sides.to_record(connection)
    taken, unrecordable = _recordable(rows)
    for some in _batches(taken):
        done = repayments.record_payments(SYSTEM, app.store, now=now, rows=some, business_date=as_of, origin="file")
        recorded, repeated = recorded + done.recorded, repeated + done.repeated
        conflicting += done.conflicting
    if not unrecordable:
        sides.note_recorded(connection)
    else:
        with extracts.opened(app.settings) as reader:
            sides.lay_out_recorded(connection, reader, app.settings.timezone)
    return recorded, repeated, conflicting, unrecordable


def _recordable(rows: Sequence[tuple[Any, ...]]) -> tuple[list[Repayment], int]:
    taken: list[Repayment] = []
    refused = 0
    for row in rows:
        try:
            taken.append(sides.as_repayment(row))
        except Invalid:
            refused += 1
    return taken, refused


def _batches(rows: Sequence[Repayment]) -> Iterator[Sequence[Repayment]]:
    for start in range(0, len(rows), AT_ONCE):
        yield rows[start : start + AT_ONCE]


def _found(connection: Connection) -> list[FoundBreak]:
    numbers: dict[tuple[str, ...], str] = {}
    for number, kind, source, payment_ids, lines in connection.execute(
        "select no, kind, source_code, payment_ids, bank_line_ids from rec_breaks"
    ).fetchall():
        numbers[(kind, source, *payment_ids, "|", *lines)] = number
    shown = sides.sides_of_breaks(connection)
    found = []
    for row in engine.breaks(connection).iter_rows(named=True):
        number = numbers[(row["kind"], row["source_code"], *row["payment_ids"], "|", *row["bank_line_ids"])]
        found.append(
            FoundBreak(
                **row
                | {
                    "kind": BreakKind(row["kind"]),
                    "payment_ids": tuple(row["payment_ids"]),
                    "bank_line_ids": tuple(row["bank_line_ids"]),
                    "sides": shown.get(number, {"lender": [], "bank": [], "recorded": []}),
                }
            )
        )
    return found


def _write(warehouse: Warehouse, as_of: date) -> None:
    """Matches that differ, and the proof sheet of the day."""
    with warehouse.transaction() as connection:
        connection.execute(
            "create or replace temp table rec_changed as"
            " select * from rec_matches except all select * from recon.matches"
        )
        connection.execute(
            "delete from recon.matches where match_id in (select match_id from rec_changed)"
            " or match_id in (select match_id from recon.matches anti join rec_matches using (match_id))"
        )
        connection.execute("insert into recon.matches select * from rec_changed")
        connection.execute("delete from recon.proof where business_date = ?", [as_of])
        connection.execute(
            """
            insert into recon.proof
            with kept as (
                select coalesce(book, source_code) as book, currency,
                    sum(case kind when 'payment' then amount_minor else -amount_minor end)::bigint as recorded_minor
                from recorded left join rec_books using (source_code) group by 1, 2
            )
            select $1, p.book, p.currency, payments, lender_minor, coalesce(recorded_minor, 0), bank_lines, bank_minor,
                outside_payments, outside_lender_minor, outside_lines, outside_bank_minor, matches, breaks,
                difference_minor, explained_minor, unexplained_minor
            from rec_proof as p left join kept using (book, currency)
            """,
            [as_of],
        )
