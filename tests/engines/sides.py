"""Payments and bank lines for the engine, and the engine run over them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import duckdb
import polars as pl

from ops_app.engines import reconciliation as engine
from ops_app.engines.reconciliation import Rules

DAY = date(2026, 3, 10)
LENDER = {
    "source_code": "varchar", "payment_id": "varchar", "loan_id": "varchar", "kind": "varchar",
    "reverses_payment_id": "varchar", "paid_at": "timestamp", "value_date": "date", "posted_date": "date",
    "amount_minor": "bigint", "currency": "varchar", "channel": "varchar", "payer_name": "varchar",
    "payer_account": "varchar", "reference": "varchar", "file_date": "date",
}  # fmt: skip
BANK = {
    "source_code": "varchar", "account": "varchar", "line_id": "varchar", "booked_date": "date", "value_date": "date",
    "amount_minor": "bigint", "currency": "varchar", "direction": "varchar", "counterparty_name": "varchar",
    "counterparty_account": "varchar", "reference": "varchar", "file_date": "date",
}  # fmt: skip
RECORDED = {name: kind for name, kind in LENDER.items() if name != "file_date"}
DECIDED = {
    "break_id": "varchar", "decision_group": "varchar", "kind": "varchar", "decision": "varchar",
    "source_code": "varchar", "payment_ids": "varchar[]", "bank_line_ids": "varchar[]", "shared": "boolean",
}  # fmt: skip


def a_payment(payment_id: str, amount: int, **other: Any) -> dict[str, Any]:
    day = other.get("value_date", DAY)
    return {
        "source_code": "SIM", "payment_id": payment_id, "loan_id": "L1", "kind": "payment",
        "reverses_payment_id": None, "paid_at": f"{day} 10:00:00", "value_date": day,
        "posted_date": day, "amount_minor": amount, "currency": "CNY", "channel": "bank_transfer", "payer_name": None,
        "payer_account": None, "reference": f"REF-{payment_id}", "file_date": day,
    } | other  # fmt: skip


def a_line(line_id: str, amount: int, **other: Any) -> dict[str, Any]:
    day = other.get("value_date", DAY)
    return {
        "source_code": "SIM", "account": "99", "line_id": line_id, "booked_date": day, "value_date": day,
        "amount_minor": amount, "currency": "CNY", "direction": "in", "counterparty_name": None,
        "counterparty_account": None, "reference": None, "file_date": day,
    } | other  # fmt: skip


def later(days: int) -> date:
    return DAY + timedelta(days=days)


@dataclass
class Outcome:
    """What the engine made of its input, in plain Python."""

    matches: list[dict[str, Any]]
    breaks: list[dict[str, Any]]
    outside: list[tuple[str, str, str]]
    proof: list[dict[str, Any]] = field(default_factory=list)

    def matched(self) -> set[tuple[str, tuple[str, ...], tuple[str, ...]]]:
        """(pass, payments, lines) of every match."""
        return {(m["pass_name"], tuple(m["payment_ids"]), _plain(m["bank_line_ids"])) for m in self.matches}

    def broken(self) -> set[tuple[str, tuple[str, ...], tuple[str, ...]]]:
        """(kind, payments, lines) of every break."""
        return {(b["kind"], tuple(b["payment_ids"]), _plain(b["bank_line_ids"])) for b in self.breaks}

    def suggestion(self, kind: str) -> dict[str, Any]:
        """The suggestion of the only break of a kind."""
        (one,) = [b for b in self.breaks if b["kind"] == kind]
        return dict(one["suggestion"])


def _plain(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(line.removeprefix("99/") for line in lines)


def reconciled(
    payments: Sequence[dict[str, Any]],
    lines: Sequence[dict[str, Any]],
    *,
    rules: Rules | None = None,
    loans: Sequence[tuple[str, str]] | None = None,
    recorded: Sequence[dict[str, Any]] = (),
    decided: Sequence[dict[str, Any]] = (),
    as_of: date = DAY,
) -> Outcome:
    """Run the engine over these sides; every loan of a payment is known unless ``loans`` says otherwise."""
    con = duckdb.connect(config={"threads": 2})
    try:
        known = {(p["source_code"], p["loan_id"]) for p in payments} if loans is None else set(loans)
        fill(con, "lender", LENDER, payments)
        fill(con, "bank", BANK, lines)
        fill(con, "recorded", RECORDED, recorded)
        fill(con, "decided", DECIDED, decided)
        fill(con, "loans", {"source_code": "varchar", "loan_id": "varchar"},
              [{"source_code": source, "loan_id": loan} for source, loan in sorted(known)])  # fmt: skip
        done = engine.reconcile(con, rules or Rules(), as_of)
        outcome = outcome_of(con)
        assert (done.matches, done.breaks) == (len(outcome.matches), len(outcome.breaks))
        engine.close(con)
        assert con.execute("select count(*) from duckdb_tables() where temporary").fetchall() == [(0,)]
        return outcome
    finally:
        con.close()


def outcome_of(con: duckdb.DuckDBPyConnection) -> Outcome:
    """What the run that just ended left in the connection."""
    outside = con.execute(
        """
        select coalesce(p.source_code, b.source_code), coalesce(p.payment_id, b.line), reason
        from rec_outside left join rec_p as p using (pid) left join rec_b as b using (bid) order by all
        """
    ).fetchall()
    return Outcome(engine.matches(con).to_dicts(), engine.breaks(con).to_dicts(), outside, engine.proof(con).to_dicts())


def fill(con: duckdb.DuckDBPyConnection, table: str, columns: dict[str, str], rows: Sequence[dict[str, Any]]) -> None:
    """Make ``table`` with these columns and rows."""
    con.execute(f"create table {table} ({', '.join(f'{name} {kind}' for name, kind in columns.items())})")
    add(con, table, columns, rows)


def add(con: duckdb.DuckDBPyConnection, table: str, columns: dict[str, str], rows: Sequence[dict[str, Any]]) -> None:
    """Put these rows behind those of ``table``."""
    if rows:
        frame = pl.DataFrame([{name: row.get(name) for name in columns} for row in rows], infer_schema_length=None)
        con.register("arriving", frame)
        con.execute(f"insert into {table} select {', '.join(columns)} from arriving")
        con.unregister("arriving")
