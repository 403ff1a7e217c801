"""Bank statements as the bank sent them, proved, as rows of the standard feed ``bank_lines``.

A statement is one whole: when its opening balance and its lines do not give its closing balance, when a line cannot be
read or an identity repeats, the file is refused by name and nothing of it is used.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl

from pipelines.readers.refusals import FileRefused

MAX_BYTES = 64 * 1024 * 1024
COLUMNS = (
    "account",
    "line_id",
    "booked_date",
    "value_date",
    "amount",
    "currency",
    "direction",
    "counterparty_name",
    "counterparty_account",
    "reference",
    "line_no",
)


@dataclass(frozen=True)
class Line:
    """One booked line. ``amount`` is never negative; ``credit`` says that the money came in. ``reversal`` marks
    a line that takes another back."""

    ordinal: str
    amount: Decimal
    credit: bool
    currency: str
    booked_date: date | None
    value_date: date | None
    counterparty_name: str = ""
    counterparty_account: str = ""
    reference: str = ""
    bank_reference: str = ""
    reversal: bool = False


@dataclass(frozen=True)
class Balance:
    """An amount (negative: the account is overdrawn) in a currency."""

    amount: Decimal
    currency: str


@dataclass(frozen=True)
class Statement:
    """One statement of one account; ``proves`` is false for notices that carry no balances (camt.052, camt.054)."""

    account: str
    identity: str
    opening: Balance | None
    closing: Balance | None
    lines: tuple[Line, ...] = field(default=())
    proves: bool = True


def read_statement(path: Path, format: str, encoding: str = "auto") -> pl.DataFrame:
    """The booked lines of an ``mt940`` or ``camt`` file, every column as text, ``line_no`` counting from 1.

    ``amount`` is written with a point and without a sign, ``direction`` is ``in`` or ``out``. The identity of a line
    is its account and ``line_id``: statement, place in the statement, and the bank's own reference. A file with
    statements but no booked line gives an empty frame. Raises ``FileRefused``: ``too_large``, ``encoding``,
    ``broken_statement``, ``interim_report``, ``xml_document_type``, ``xml_limits``, ``broken_xml``,
    ``statement_namespace``, ``no_statement``, ``statement_balance_missing``, ``statement_balance``,
    ``statement_currency``, ``duplicated_statement``.
    """
    from pipelines.readers.statements_camt import parse_camt
    from pipelines.readers.statements_mt940 import parse_mt940

    if path.stat().st_size > MAX_BYTES:
        raise FileRefused(
            "too_large",
            f"A statement of more than {MAX_BYTES:,} bytes is not read.",
            f"超过 {MAX_BYTES:,} 字节的对账单不读取。",
        )
    statements = parse_mt940(path, encoding) if format == "mt940" else parse_camt(path)
    if not statements:
        raise FileRefused("no_statement", "The file holds no statement.", "文件中没有对账单。")
    _refuse_repeated(statements)
    return _frame([prove(statement) for statement in statements])


def prove(statement: Statement) -> Statement:
    """The statement when opening + in − out = closing; else ``FileRefused``.

    ISO 20022 gives a reversal the direction in which the money really moves; some banks write that of the payment
    taken back. The balances tell which: where they hold only with reversals turned round, these are turned round.
    """
    opening, closing = statement.opening, statement.closing
    if opening is None or closing is None:
        if statement.proves:
            raise FileRefused(
                "statement_balance_missing",
                f"Statement {statement.identity} of {statement.account} lacks an opening or a closing balance.",
                f"账户 {statement.account} 的对账单 {statement.identity} 缺少期初或期末余额。",
            )
        return statement
    currencies = {opening.currency, closing.currency, *(line.currency for line in statement.lines)}
    if len(currencies) > 1:
        raise FileRefused(
            "statement_currency",
            f"Statement {statement.identity} of {statement.account} mixes {', '.join(sorted(currencies))}.",
            f"账户 {statement.account} 的对账单 {statement.identity} 混有 {'、'.join(sorted(currencies))}。",
        )
    turned = turn_reversals(statement)
    for read in (statement, turned):
        if opening.amount + movement(read) == closing.amount:
            return read
    raise FileRefused(
        "statement_balance",
        f"Statement {statement.identity} of {statement.account} does not add up: {opening.amount} and lines of "
        f"{movement(statement)} do not give {closing.amount} {closing.currency}.",
        f"账户 {statement.account} 的对账单 {statement.identity} 不平：期初 {opening.amount} 加发生额 "
        f"{movement(statement)} 不等于期末 {closing.amount} {closing.currency}。",
    )


def movement(statement: Statement) -> Decimal:
    """What came in less what went out."""
    return sum((line.amount if line.credit else -line.amount for line in statement.lines), Decimal(0))


def turn_reversals(statement: Statement) -> Statement:
    """The same statement with the direction of every reversal turned round."""
    lines = tuple(
        Line(**{**line.__dict__, "credit": not line.credit}) if line.reversal else line for line in statement.lines
    )
    return Statement(**{**statement.__dict__, "lines": lines})


def _refuse_repeated(statements: list[Statement]) -> None:
    seen: set[tuple[str, str]] = set()
    for statement in statements:
        key = (statement.account, statement.identity)
        if key in seen:
            raise FileRefused(
                "duplicated_statement",
                f"Statement {statement.identity} of {statement.account} is in the file twice.",
                f"账户 {statement.account} 的对账单 {statement.identity} 在文件中出现两次。",
            )
        seen.add(key)


def _frame(statements: list[Statement]) -> pl.DataFrame:
    rows: list[tuple[str | None, ...]] = []
    for statement in statements:
        for line in statement.lines:
            parts = (statement.identity, line.ordinal, line.bank_reference)
            rows.append(
                (
                    statement.account,
                    "/".join(part for part in parts if part),
                    line.booked_date.isoformat() if line.booked_date else None,
                    line.value_date.isoformat() if line.value_date else None,
                    plain_amount(line.amount),
                    line.currency,
                    "in" if line.credit else "out",
                    line.counterparty_name or None,
                    line.counterparty_account or None,
                    line.reference or None,
                    str(len(rows) + 1),
                )
            )
    return pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String), orient="row")


def plain_amount(amount: Decimal) -> str:
    """``12.50``, ``12.345``: at least two decimals, more only where they say something."""
    exact = amount.normalize()
    exponent = exact.as_tuple().exponent
    decimals = max(2, -exponent) if isinstance(exponent, int) else 2
    return f"{amount:.{decimals}f}"
