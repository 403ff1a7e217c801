"""Reconciliation: the lender's repayments, the bank's lines and what the ops store recorded, side by side.

The engine is handed an open DuckDB connection in which five relations stand under these names, and reads nothing else:

``lender``    accepted repayments, one content a key: source_code, payment_id, loan_id, kind, reverses_payment_id,
              paid_at, value_date, posted_date, amount_minor, currency, channel, payer_name, payer_account, reference,
              file_date
``recorded``  the same columns of the ops store, without file_date
``bank``      bank lines: source_code, account, line_id, booked_date, value_date, amount_minor, currency, direction
              (in, out), counterparty_name, counterparty_account, reference, file_date
``loans``     source_code, loan_id of every loan that a loans feed ever named
``decided``   what people decided: break_id, decision_group, kind, decision (match, split, reject), source_code,
              payment_ids, bank_line_ids, shared (the payment's money lies in a line that is matched with others)

Bank lines that pay refunds of ours or send them back are laid out beside by ``lay_out_refunds``; without it there are
none.

Two further sides, what agencies report and what collectors claim, are held against the payments where the caller asks
for them; see ``reconciliation_told``.

It leaves temporary tables that begin with ``rec_``; ``close`` drops them. Equal input gives equal output whatever the
order of the rows. Every payment and every bank line ends in exactly one match, in exactly one break, or outside with a
reason; explained + unexplained = total difference, or ``Unbalanced`` is raised.

Nothing of the given relations is copied where ``lender`` and ``bank`` are tables; of views copies are made.

Cost, for n payments, m lines, a residue of r items and windows of w days: O(n + m) for the exact pass (one hash
aggregate over both sides on an eight-byte key) and O(r · w + r log r) for all others; no row is looked at from
Python but the breaks. The measured figures are in ``tests/bench/reconciliation.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import polars as pl

from ops_app.domain.ledger.breaks import BreakKind, break_id
from ops_app.engines import reconciliation_breaks as naming
from ops_app.engines import reconciliation_days as days
from ops_app.engines import reconciliation_passes as passes
from ops_app.engines import reconciliation_prepare as prepare
from ops_app.engines import reconciliation_results as results
from ops_app.engines import reconciliation_sheet as sheets
from ops_app.engines import reconciliation_told as told_items
from ops_app.engines.reconciliation_rules import Outside, Rules, Tolerance

__all__ = [
    "Outside", "Reconciled", "Rules", "Tolerance", "Unbalanced", "breaks", "claim_states", "close", "forget", "keep",
    "lay_out_refunds", "matches", "proof", "reconcile", "sheet", "told_breaks",
]  # fmt: skip

forget = days.forget
claim_states, sheet, told_breaks = sheets.claim_states, sheets.sheet, sheets.told_breaks


class Unbalanced(RuntimeError):
    """The engine lost or doubled an item: a defect of the engine, never of the data."""


@dataclass(frozen=True)
class Reconciled:
    """How many matches and breaks were written to ``rec_matches`` and ``rec_breaks``; ``part`` says that only what is
    open, new or touched was run."""

    matches: int
    breaks: int
    part: bool = False


def reconcile(
    con: duckdb.DuckDBPyConnection, rules: Rules, business_date: date, *, told: bool = False, with_sheet: bool = False,
    since_kept: bool = False,
) -> Reconciled:  # fmt: skip
    """Match the three sides as of ``business_date`` and leave ``rec_matches``, ``rec_breaks`` and ``rec_proof``.

    With ``told`` the reports of agencies and the claims of collectors are held against the payments as well
    (``reconciliation_told`` says what they need and leave); ``with_sheet`` leaves the proof sheet ``rec_sheet``.
    ``since_kept`` starts from what ``keep`` kept of the run before, where that can answer, and gives the same.
    Raises ``Unbalanced`` if an item would be missing or counted twice.
    """
    if told and since_kept:
        raise ValueError("what was told is held against all payments: that is a full run")
    part = since_kept and days.take_up(con, rules, business_date)
    prepare.lay_out(con, rules, part=part)
    if part:
        days.add_settled(con)
    prepare.take_decisions(con)
    prepare.match_exactly(con)
    prepare.take_residue(con)
    naming.flag_payments(con, rules, business_date)
    prepare.keep_small(con)
    passes.match_tolerantly(con, rules)
    naming.name_breaks(con, rules, business_date)
    results.write_matches(con, rules, part=part)
    if part:
        days.know_payers(con)
    results.write_breaks(con, rules)
    results.write_proof(con)
    _check(con)
    if told:
        told_items.hold_against_payments(con, rules, business_date)
        sheets.write_told(con, rules)
    if told or with_sheet:
        sheets.write_sheet(con, told=told)
        if wrong := sheets.unbalanced(con, told=told):
            raise Unbalanced(wrong)
    return Reconciled(
        _number(con, "select sum(matches) from rec_proof"), _number(con, "select count(*) from rec_breaks"), part
    )


def keep(con: duckdb.DuckDBPyConnection, rules: Rules, business_date: date, done: Reconciled) -> None:
    """Keep what ``reconcile`` needs to go on from here by ``since_kept``, before ``close``. ``lender``, ``bank`` and
    ``recorded`` must be tables, of which no row moves; see ``reconciliation_days``."""
    days.keep(con, rules, business_date, part=done.part)


def lay_out_refunds(con: duckdb.DuckDBPyConnection, rows: Sequence[tuple[str, str, str, str, bool]]) -> None:
    """Lines with the reference of a payout: source, account, line, what it was, whether the lender tells of it."""
    con.execute(f"create or replace temp table rec_refund_lines ({prepare.REFUND_LINES})")
    if rows:
        con.executemany("insert into rec_refund_lines values (?, ?, ?, ?, ?)", [list(one) for one in rows])


def matches(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """The matches as a frame, ordered by their id."""
    frame: pl.DataFrame = con.sql("select * from rec_matches order by match_id").pl()
    return frame


def proof(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """The proof sheet: per book and currency both totals, what is outside, and the difference explained and not."""
    frame: pl.DataFrame = con.sql("select * from rec_proof order by book, currency").pl()
    return frame


def breaks(con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """The breaks as a frame, ordered by their id; ``suggestion`` names an action, its reason and its targets.

    ``lender_minor`` and ``bank_minor`` are signed (money back is negative) and null where that side is missing;
    ``difference_minor`` is lender less bank.
    """
    rows: pl.DataFrame = con.sql(
        """
        select rec_breaks.*, action, rec_suggested.reason as why, target_no, target_item, target_loan
        from rec_breaks join rec_suggested using (no)
        """
    ).pl()
    ids = [_identity(row) for row in rows.select("no", "kind", "source_code", "payment_ids", "bank_line_ids").rows()]
    by_number = dict(zip(rows["no"].to_list(), ids, strict=True))
    suggestions = [
        {
            "action": action,
            "reason": reason,
            "break_ids": [by_number[target]] if target is not None else [],
            "items": [item for item in (target_item, target_loan) if item is not None],
        }
        for action, reason, target, target_item, target_loan in rows.select(
            "action", "why", "target_no", "target_item", "target_loan"
        ).rows()
    ]
    return (
        rows.with_columns(
            pl.Series("break_id", ids, dtype=pl.String), pl.Series("suggestion", suggestions, dtype=sheets.SUGGESTION)
        )
        .select(
            "break_id", "kind", "source_code", "currency", "lender_minor", "bank_minor", "recorded_minor",
            "difference_minor", "loan_id", "payment_ids", "bank_line_ids", "value_date", "suggestion",
        )
        .sort("break_id")
    )  # fmt: skip


def close(con: duckdb.DuckDBPyConnection) -> None:
    """Drop what the engine left in the connection."""
    for kind in ("view", "table"):
        left = (
            f"select {kind}_name from duckdb_{kind}s() where temporary and starts_with({kind}_name, 'rec_')"
            f" order by {kind}_name"
        )
        for (name,) in con.execute(left).fetchall():
            con.execute(f"drop {kind} {name}")


def _identity(row: tuple[str, str, str, list[str], list[str]]) -> str:
    number, kind, source_code, payment_ids, bank_line_ids = row
    if number.startswith("held|"):
        return number.removeprefix("held|")
    return break_id(BreakKind(kind), source_code, payment_ids, bank_line_ids)


def _number(con: duckdb.DuckDBPyConnection, query: str) -> int:
    row = con.execute(query).fetchall()[0]
    return int(row[0] or 0)


def _check(con: duckdb.DuckDBPyConnection) -> None:
    """Every item exactly once; the difference fully told.

    That two multisets of numbers are the same is seen by their count and the sum of their hashes, in one scan each.
    """
    for number, table in (("pid", "rec_p_totals"), ("bid", "rec_b_totals")):
        ends = " union all ".join(
            f"select {number} from {part} where {number} is not null"
            for part in ("rec_exact", "rec_pairs", "rec_groups", "rec_items", "rec_outside")
        )
        if number == "pid":  # a share of a batch is carved out of its group and stands among the breaks
            ends = f"select pid from ({ends}) except all select pid from rec_shares" if _shares(con) else ends
        wanted = con.execute(
            f"select coalesce(sum(items), 0), coalesce(sum(marks), 0) from {table} where marks is not null"
        ).fetchall()
        ended = con.execute(f"select count(*), coalesce(sum(hash({number})), 0) from ({ends})").fetchall()
        if wanted != ended:
            raise Unbalanced(f"items of {table}: {wanted[0][0]} went in, {ended[0][0]} ended, or one of them twice")
    told = "select count(*) from rec_proof where difference_minor <> explained_minor + unexplained_minor"
    if _number(con, told):
        raise Unbalanced("explained and unexplained do not add up to the difference")


def _shares(con: duckdb.DuckDBPyConnection) -> bool:
    return _number(con, "select count(*) from rec_shares") > 0
