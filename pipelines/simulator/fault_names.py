"""The faults that can be planted: which control finds each, by what name, and what a person reads about it."""

from __future__ import annotations

from typing import NamedTuple


class Expected(NamedTuple):
    """``control`` and ``finding`` as in ``PlantedFault``; the effect in both languages."""

    control: str
    finding: str
    en: str
    zh: str


EXPECTED = {
    "unknown_loan": Expected(
        "break",
        "unknown_loan",
        "Accepted, but no loan takes it: a break on the desk.",
        "已接受但无对应借据，进入差异台。",
    ),
    "duplicate_payment": Expected(
        "break",
        "duplicate",
        "The same transfer recorded twice; the bank saw one.",
        "同一笔转账记了两次，银行只有一笔。",
    ),
    "reversal_without_original": Expected(
        "break",
        "reversal_without_original",
        "Reverses a payment nobody has seen: a break, no effect on the loan.",
        "冲正的原交易不存在，列为差异，不影响借据。",
    ),
    "backdated_payment": Expected(
        "break",
        "date_out_of_period",
        "Value-dated twelve days before the bank took it: a break, and arrears are restated once it is accepted.",
        "起息日早于银行入账日十二天：列为差异，认可后重算逾期。",
    ),
    "out_of_period_payment": Expected(
        "break",
        "date_out_of_period",
        "Value-dated in a month that is closed: a break.",
        "起息日落在已结账月份，列为差异。",
    ),
    "amount_mismatch": Expected(
        "break",
        "amount_differs",
        "The bank's line is 100.00 higher than the lender's payment.",
        "银行流水比资金方多 100.00。",
    ),
    "missing_bank_line": Expected(
        "break",
        "unmatched_lender",
        "Posted by the lender; the bank has no line for it.",
        "资金方已入账，银行无流水。",
    ),
    "stray_bank_line": Expected(
        "break", "unmatched_bank", "Money at the bank that no payment explains.", "银行到账，没有对应还款。"
    ),
    "conflicting_payment": Expected(
        "break",
        "conflicting_content",
        "A payment id already known comes with another amount; the first content stays.",
        "已知流水号以不同内容再次到达，保留先到的内容。",
    ),
    "agency_reports_unpaid": Expected(
        "break",
        "report_without_payment",
        "An agency reports a payment that neither lender nor bank has.",
        "机构报送的还款，资金方与银行均无。",
    ),
    "agency_leaves_out": Expected(
        "break",
        "payment_not_reported",
        "A payment on a loan that an agency had; its reports leave it out.",
        "委案期内的还款，机构漏报。",
    ),
    "agency_keeps_cash": Expected(
        "break",
        "not_remitted",
        "An agency says that it collected cash and did not pass it on in time.",
        "机构自报代收现金，逾期未划付。",
    ),
    "agency_reports_twice": Expected(
        "break", "reported_twice", "One payment reported under two numbers.", "同一笔还款以两个流水号报送。"
    ),
    "late_file": Expected(
        "data_health",
        "calls",
        "Missing on its day, late when it comes; the end state is as if it had been in time.",
        "当日缺失，迟到两天；最终状态与准时到达相同。",
    ),
    "duplicate_file": Expected(
        "file_repeated", "delivered", "The same bytes under another name load once.", "相同内容换名再送，只入库一次。"
    ),
    "broken_control_totals": Expected(
        "file_refused",
        "control_totals",
        "Its sidecar declares other totals: the whole file is refused, every row quarantined.",
        "控制总数不符，整份文件拒收，所有行进入隔离区。",
    ),
    "bad_date": Expected(
        "quarantine",
        "as_of_date_unreadable",
        "A date that no calendar has: the row is quarantined.",
        "日期不存在，该行进入隔离区。",
    ),
    "bad_amount": Expected(
        "quarantine",
        "outstanding_principal_unreadable",
        "An amount no grammar allows: the row is quarantined.",
        "金额不合文法，该行进入隔离区。",
    ),
    "repeated_header": Expected(
        "quarantine", "repeated_header", "The header line again inside the data.", "数据中重复出现表头。"
    ),
    "ragged_row": Expected("quarantine", "ragged_row", "A row cut off in the middle.", "行被截断，列数不足。"),
}
