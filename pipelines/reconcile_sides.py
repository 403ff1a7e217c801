"""The three sides of reconciliation as relations of the warehouse, and those of a break as a person compares them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from ops_app.domain.ledger.repayments import CONTENT, Repayment, RepaymentKind
from ops_app.services.ledger.reconciliation_runs import StandingDecision
from ops_app.store.tables.ledger import payments
from pipelines.extracts import Reader, copy_table
from pipelines.sql_words import literal
from pipelines.warehouse import Connection

MOST_SHOWN = 50
"""Items of one side that a break carries for the desk; the ids are all there."""

_CONTENT = ", ".join(CONTENT)
_TEXTS = ("reverses_payment_id", "channel", "payer_name", "payer_account", "reference")


def lay_out_sides(connection: Connection, business_date: date, zone: str) -> None:
    """``lender`` (chosen contents), ``rec_contents`` (every content), ``bank`` and ``loans`` as of ``business_date``.

    Of a payment or a bank line that came with several contents, the earliest by file date, file and line counts.
    """
    until = f"file_date <= date '{business_date.isoformat()}'"
    cleaned = ", ".join(f"nullif({name}, '') as {name}" if name in _TEXTS else name for name in CONTENT)
    connection.execute(
        f"create or replace temp view rec_contents as select {cleaned}, file_date, file_id, line_no"
        f" from raw.repayments where {until}"
    )
    local = f"(posted_at at time zone 'UTC' at time zone {literal(zone)})::date"
    _choose(connection, "rec_contents", "lender", "source_code, payment_id", f", {local} as posted_date")
    connection.execute(f"create or replace temp view rec_lines as select * from raw.bank_lines where {until}")
    _choose(connection, "rec_lines", "bank", "source_code, account, line_id")
    connection.execute(
        f"create or replace temp table loans as select distinct source_code, loan_id from raw.loans where {until}"
    )


def expect_too(connection: Connection, expected: str) -> None:
    """Among what lenders say (``lender``), once it is recorded, what is expected without their saying it."""
    connection.execute(f"insert into lender by name select * from {expected}")


def _choose(connection: Connection, source: str, into: str, key: str, more: str = "") -> None:
    """One row a key: the earliest; only keys that came more than once are sorted."""
    connection.execute(
        f"""
        create or replace temp table {into} as
        with several as (select {key} from {source} group by {key} having count(*) > 1)
        select *{more} from {source} anti join several using ({key})
        union all
        (
            select {source}.*{more} from {source} semi join several using ({key})
            qualify row_number() over (partition by {key} order by file_date, file_id, line_no) = 1
        )
        """
    )


def lay_out_recorded(connection: Connection, reader: Reader, zone: str) -> None:
    """``recorded``: what the ops store has recorded at this moment."""
    columns = [payments.c[name] for name in CONTENT]
    copy_table(connection, reader, "payments", into="rec_recorded", columns=columns)
    local = f"(posted_at at time zone 'UTC' at time zone {literal(zone)})::date"
    connection.execute(f"create or replace temp view recorded as select *, {local} as posted_date from rec_recorded")


def to_record(connection: Connection) -> list[tuple[Any, ...]]:
    """Contents that the ops store does not have as they are: chosen ones first, then others of a known id."""
    names = ", ".join(f"c.{name}" for name in CONTENT)
    same = " and ".join(f"c.{name} is not distinct from r.{name}" for name in CONTENT)
    rows: list[tuple[Any, ...]] = connection.execute(
        f"""
        with several as (
            select source_code, payment_id from rec_contents group by all having count(*) > 1
        ),
        candidates as (
            select {_CONTENT}, 1 as turn, file_date, file_id, line_no from lender
            union all
            select {_CONTENT}, 2, file_date, file_id, line_no from rec_contents semi join several
            using (source_code, payment_id)
        )
        select {names} from candidates as c
        left join rec_recorded as r using (source_code, payment_id)
        where r.payment_id is null or not ({same})
        order by turn, c.file_date, c.file_id, c.line_no
        """
    ).fetchall()
    return rows


def as_repayment(row: Sequence[Any]) -> Repayment:
    """A row of ``to_record`` as the service takes it. Raises ``Invalid`` for one that cannot be recorded."""
    values = dict(zip(CONTENT, row, strict=True))
    for name in ("paid_at", "posted_at"):
        if values[name] is not None:
            values[name] = values[name].replace(tzinfo=UTC)
    return Repayment(**values | {"kind": RepaymentKind(values["kind"])})


def note_recorded(connection: Connection) -> None:
    """Take what was just recorded into ``rec_recorded``, without reading the store again."""
    connection.execute(
        f"""
        insert into rec_recorded
        select {_CONTENT} from lender anti join rec_recorded using (source_code, payment_id)
        """
    )


def lay_out_decided(connection: Connection, standing: Sequence[StandingDecision]) -> None:
    """``decided``: what the engine must obey."""
    connection.execute(
        "create or replace temp table decided (break_id varchar, decision_group varchar, kind varchar,"
        " decision varchar, source_code varchar, payment_ids varchar[], bank_line_ids varchar[], shared boolean)"
    )
    if standing:
        connection.executemany(
            "insert into decided values (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                [
                    one.break_id, one.decision_group, one.kind.value, one.decision.value, one.source_code,
                    list(one.payment_ids), list(one.bank_line_ids), one.shared,
                ]
                for one in standing
            ],
        )  # fmt: skip


def clear(connection: Connection) -> None:
    """Drop the sides again, so that no name of theirs hides another table from whoever uses the connection next."""
    for kind, names in (
        ("view", ("recorded", "rec_contents", "rec_lines")),
        ("table", ("lender", "bank", "loans", "decided")),
    ):
        for name in names:
            connection.execute(f"drop {kind} if exists temp.{name}")


_SHOWN_PAYMENT = (
    "payment_id", "loan_id", "kind", "reverses_payment_id", "paid_at", "value_date", "posted_at", "amount_minor",
    "currency", "channel", "payer_name", "payer_account", "reference",
)  # fmt: skip
_SHOWN_LINE = (
    "account", "line_id", "booked_date", "value_date", "amount_minor", "currency", "direction", "counterparty_name",
    "counterparty_account", "reference",
)  # fmt: skip


def sides_of_breaks(connection: Connection) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Number of a break (``rec_breaks.no``) → what each side says of its items."""
    sides: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for side, source in (("lender", "lender"), ("recorded", "rec_recorded")):
        _collect(
            sides, side, _SHOWN_PAYMENT,
            connection.execute(
                f"""
                with items as (select no, source_code, unnest(payment_ids) as payment_id from rec_breaks)
                select no, {", ".join(f"t.{name}" for name in _SHOWN_PAYMENT)}
                from items join {source} as t using (source_code, payment_id) order by no, t.payment_id
                """
            ).fetchall(),
        )  # fmt: skip
    _collect(
        sides, "bank", _SHOWN_LINE,
        connection.execute(
            f"""
            select i.no, {", ".join(f"t.{name}" for name in _SHOWN_LINE)}
            from rec_items as i join rec_b_small as b using (bid)
            join bank as t on t.source_code = b.source_code and t.account = b.account and t.line_id = b.line_id
            order by i.no, t.account, t.line_id
            """
        ).fetchall(),
    )  # fmt: skip
    return sides


def _collect(
    sides: dict[str, dict[str, list[dict[str, Any]]]],
    side: str,
    names: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
) -> None:
    for number, *values in rows:
        shown = sides.setdefault(number, {"lender": [], "bank": [], "recorded": []})[side]
        if len(shown) < MOST_SHOWN:
            shown.append({name: _aware(value) for name, value in zip(names, values, strict=True)})


def _aware(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value
