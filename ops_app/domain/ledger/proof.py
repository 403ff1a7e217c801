"""The daily proof sheet: four totals, every difference explained by kind or told as unexplained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from ops_app.domain.ledger.breaks import BREAK_KIND_NAMES, Leg

PARTS: dict[str, tuple[str, str]] = {
    "lender": ("lender's payments", "资方还款"),
    "side": ("the other side", "对方合计"),
    "explained": ("explained", "已说明"),
    "unexplained": ("unexplained", "未说明"),
}

PASS_NAMES: dict[str, tuple[str, str]] = {
    "exact": ("reference, amount and day agree", "附言、金额、日期一致"),
    "payment_id": ("named by its id", "流水号一致"),
    "reference_normalised": ("same reference in another spelling", "附言规范化后一致"),
    "amount_date_payer": ("amount, day and payer agree", "金额、日期、付款人一致"),
    "named_in_text": ("named in the bank's text", "银行摘要中提及"),
    "amount_tolerance": ("channel's fee", "渠道手续费"),
    "grouped_by_reference": ("several under one reference", "同一附言合并"),
    "grouped_but_one": ("a batch without one payment", "批次缺一笔"),
    "channel_days": ("a channel's days in one line", "渠道按日汇总"),
    "cancelled": ("payment and reversal cancel out", "还款与冲正抵销"),
    "reversed_in_books": ("reversed in the lender's books", "资方账内冲正"),
    "manual": ("matched by a person", "人工匹配"),
    "manual_split": ("split by a person", "人工拆分"),
    "loan_amount": ("loan, amount and day agree", "借据、金额、日期一致"),
    "bank_line": ("the bank has it, the lender not yet", "银行已到账，资方未入账"),
    "refund_paid": ("a refund that was paid", "已付退款"),
    "refund_returned": ("a refund that came back", "退款退汇"),
    "money_out": ("money that went out", "非退款支出"),
    "no_bank_feed": ("no bank feed", "无银行数据"),
    "before_bank_feed": ("before the first bank statement", "早于首份银行流水"),
    "bank_not_yet": ("the bank's statement is still to come", "银行流水未到"),
    "lender_not_yet": ("the lender's data is still to come", "资方数据未到"),
    "before_lender_feed": ("before the lender's first data", "早于资方首次报送"),
    "no_lender_feed": ("no lender's feed", "无资方数据"),
    "remittance_not_due": ("the agency's remittance is not due", "机构划付未到期"),
    "agency_not_yet": ("the agency's report is not due", "机构报送未到期"),
}
"""Pass of a match, or reason for which an item is outside or waits → English and 中文."""


@dataclass(frozen=True)
class SheetRow:
    """One row of a sheet. ``amount_minor`` is in whole minor units of the sheet's currency; the rows of a leg satisfy
    lender - side = explained + unexplained."""

    leg: Leg
    part: str
    code: str
    items: int
    amount_minor: int


@dataclass(frozen=True)
class LegTotals:
    """One leg of a sheet added up, in minor units."""

    leg: Leg
    lender_minor: int
    side_minor: int
    explained_minor: int
    unexplained_minor: int

    @property
    def difference_minor(self) -> int:
        """What the lender has more than the other side."""
        return self.lender_minor - self.side_minor

    @property
    def is_proven(self) -> bool:
        """Whether the difference is told to the last unit."""
        return self.difference_minor == self.explained_minor + self.unexplained_minor


@dataclass(frozen=True)
class ProofSheet:
    """The sheet of one business date, book and currency. A later revision replaces an earlier one of the same day; the
    day that is closed by a later run gets no further one."""

    business_date: date
    book: str
    currency: str
    revision: int
    rows: tuple[SheetRow, ...]
    content_hash: str

    def legs(self) -> list[LegTotals]:
        """The legs that have anything, in their order."""
        return legs_of(self.rows)


def legs_of(rows: Iterable[SheetRow]) -> list[LegTotals]:
    """The legs of these rows, added up."""
    found: dict[Leg, dict[str, int]] = {}
    for row in rows:
        sums = found.setdefault(row.leg, dict.fromkeys(PARTS, 0))
        sums[row.part] += row.amount_minor
    return [
        LegTotals(leg, found[leg]["lender"], found[leg]["side"], found[leg]["explained"], found[leg]["unexplained"])
        for leg in Leg
        if leg in found
    ]


def in_order(rows: Iterable[SheetRow]) -> tuple[SheetRow, ...]:
    """The rows in the one order in which a sheet is kept, so that equal figures are equal bytes."""
    places = {part: place for place, part in enumerate(PARTS)}
    legs = {leg: place for place, leg in enumerate(Leg)}
    return tuple(sorted(rows, key=lambda row: (legs[row.leg], places[row.part], row.code)))


def code_names(part: str, code: str) -> tuple[str, str]:
    """What a row's code means; a rule of the installation (``rule:<code>``) is called by its code."""
    known = {kind.value: names for kind, names in BREAK_KIND_NAMES.items()} if part == "unexplained" else PASS_NAMES
    plain = code.removeprefix("rule:")
    return known.get(code, (plain, plain))


def facts_of(rows: Sequence[SheetRow]) -> list[list[object]]:
    """The rows as they are stored."""
    return [[row.leg.value, row.part, row.code, row.items, row.amount_minor] for row in in_order(rows)]


def rows_of(stored: Iterable[Sequence[object]]) -> tuple[SheetRow, ...]:
    """The rows of a stored sheet."""
    return tuple(
        SheetRow(Leg(str(leg)), str(part), str(code), int(str(items)), int(str(minor)))
        for leg, part, code, items, minor in stored
    )
