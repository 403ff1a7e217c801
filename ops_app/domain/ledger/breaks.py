"""Breaks: what reconciliation could not explain, and what may become of it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from ops_app.domain.canonical import key_hash
from ops_app.domain.errors import Conflict, Invalid, NotFound


class BreakKind(StrEnum):
    """Why an item is broken. Every unexplained payment or bank line has exactly one of these."""

    UNMATCHED_LENDER = "unmatched_lender"
    UNMATCHED_BANK = "unmatched_bank"
    DUPLICATE = "duplicate"
    AMOUNT_DIFFERS = "amount_differs"
    DATE_OUT_OF_PERIOD = "date_out_of_period"
    UNKNOWN_LOAN = "unknown_loan"
    REVERSAL_WITHOUT_ORIGINAL = "reversal_without_original"
    CONFLICTING_CONTENT = "conflicting_content"
    REPORT_WITHOUT_PAYMENT = "report_without_payment"
    PAYMENT_NOT_REPORTED = "payment_not_reported"
    NOT_REMITTED = "not_remitted"
    REPORT_DIFFERS = "report_differs"
    REPORTED_TWICE = "reported_twice"
    CLAIM_WITHOUT_PAYMENT = "claim_without_payment"
    CLAIM_DIFFERS = "claim_differs"
    CLAIMED_TWICE = "claimed_twice"


REPORT_KINDS = frozenset(
    {
        BreakKind.REPORT_WITHOUT_PAYMENT,
        BreakKind.PAYMENT_NOT_REPORTED,
        BreakKind.NOT_REMITTED,
        BreakKind.REPORT_DIFFERS,
        BreakKind.REPORTED_TWICE,
    }
)
"""Breaks of what an agency reports against the lender's payments."""

CLAIM_KINDS = frozenset({BreakKind.CLAIM_WITHOUT_PAYMENT, BreakKind.CLAIM_DIFFERS, BreakKind.CLAIMED_TWICE})
"""Breaks of what a collector claims against the lender's payments."""

TOLD_KINDS = REPORT_KINDS | CLAIM_KINDS
"""Breaks of what was told; a payment in them may be matched with the bank all the same."""


class Leg(StrEnum):
    """Which side is held against the lender's payments."""

    BANK = "bank"
    REPORT = "report"
    CLAIM = "claim"


LEG_NAMES: dict[Leg, tuple[str, str]] = {
    Leg.BANK: ("bank lines", "银行流水"),
    Leg.REPORT: ("agency reports", "机构报送"),
    Leg.CLAIM: ("collectors' claims", "催收员申报"),
}


def leg_of(kind: BreakKind) -> Leg:
    """The leg that a break of this kind stands on."""
    return Leg.CLAIM if kind in CLAIM_KINDS else Leg.REPORT if kind in REPORT_KINDS else Leg.BANK


BREAK_KIND_NAMES: dict[BreakKind, tuple[str, str]] = {
    BreakKind.UNMATCHED_LENDER: ("payment without bank line", "有还款无银行流水"),
    BreakKind.UNMATCHED_BANK: ("bank line without payment", "无主款"),
    BreakKind.DUPLICATE: ("duplicate", "重复"),
    BreakKind.AMOUNT_DIFFERS: ("amount differs", "金额不符"),
    BreakKind.DATE_OUT_OF_PERIOD: ("date out of period", "跨期"),
    BreakKind.UNKNOWN_LOAN: ("unknown loan", "借据不存在"),
    BreakKind.REVERSAL_WITHOUT_ORIGINAL: ("reversal without original", "冲正无原交易"),
    BreakKind.CONFLICTING_CONTENT: ("same id, other content", "同号内容冲突"),
    BreakKind.REPORT_WITHOUT_PAYMENT: ("agency reported, not received", "机构已报未到账"),
    BreakKind.PAYMENT_NOT_REPORTED: ("agency did not report", "机构漏报"),
    BreakKind.NOT_REMITTED: ("agency holds the cash", "机构代收未划付"),
    BreakKind.REPORT_DIFFERS: ("reported amount differs", "机构报送金额不符"),
    BreakKind.REPORTED_TWICE: ("reported twice", "机构重复报送"),
    BreakKind.CLAIM_WITHOUT_PAYMENT: ("claim without payment", "申报无还款"),
    BreakKind.CLAIM_DIFFERS: ("claimed amount differs", "申报金额不符"),
    BreakKind.CLAIMED_TWICE: ("claimed twice", "重复申报"),
}


class BreakState(StrEnum):
    """Where a break stands."""

    OPEN = "open"
    PARKED = "parked"
    MATCHED = "matched"
    SPLIT = "split"
    REJECTED = "rejected"
    CLEARED = "cleared"


BREAK_STATE_NAMES: dict[BreakState, tuple[str, str]] = {
    BreakState.OPEN: ("open", "待处理"),
    BreakState.PARKED: ("parked in suspense", "挂账"),
    BreakState.MATCHED: ("matched by a person", "人工匹配"),
    BreakState.SPLIT: ("split by a person", "人工拆分"),
    BreakState.REJECTED: ("rejected", "已拒绝"),
    BreakState.CLEARED: ("cleared by later data", "已自动消除"),
}


class BreakMove(StrEnum):
    """What may happen to a break: seven by a person, two by a run."""

    MATCH = "match"
    SPLIT = "split"
    MERGE = "merge"
    REJECT = "reject"
    PARK = "park"
    REVERSE = "reverse"
    REOPEN = "reopen"
    CLEAR = "clear"
    RECUR = "recur"


BREAK_MOVE_NAMES: dict[BreakMove, tuple[str, str]] = {
    BreakMove.MATCH: ("match", "匹配"),
    BreakMove.SPLIT: ("split", "拆分"),
    BreakMove.MERGE: ("merge", "合并"),
    BreakMove.REJECT: ("reject", "拒绝"),
    BreakMove.PARK: ("park", "挂账"),
    BreakMove.REVERSE: ("ask for a reversal", "申请冲正"),
    BreakMove.REOPEN: ("reopen", "重新打开"),
    BreakMove.CLEAR: ("clear", "消除"),
    BreakMove.RECUR: ("recur", "再次出现"),
}

MOVES: dict[BreakState, dict[BreakMove, BreakState]] = {
    BreakState.OPEN: {
        BreakMove.MATCH: BreakState.MATCHED,
        BreakMove.SPLIT: BreakState.SPLIT,
        BreakMove.MERGE: BreakState.MATCHED,
        BreakMove.REJECT: BreakState.REJECTED,
        BreakMove.PARK: BreakState.PARKED,
        BreakMove.REVERSE: BreakState.PARKED,
        BreakMove.CLEAR: BreakState.CLEARED,
    },
    BreakState.PARKED: {
        BreakMove.MATCH: BreakState.MATCHED,
        BreakMove.SPLIT: BreakState.SPLIT,
        BreakMove.MERGE: BreakState.MATCHED,
        BreakMove.REJECT: BreakState.REJECTED,
        BreakMove.REVERSE: BreakState.PARKED,
        BreakMove.REOPEN: BreakState.OPEN,
        BreakMove.CLEAR: BreakState.CLEARED,
    },
    BreakState.MATCHED: {BreakMove.REOPEN: BreakState.OPEN},
    BreakState.SPLIT: {BreakMove.REOPEN: BreakState.OPEN},
    BreakState.REJECTED: {BreakMove.REOPEN: BreakState.OPEN},
    BreakState.CLEARED: {BreakMove.RECUR: BreakState.OPEN},
}
"""State → move → next state. What is not here is refused. Merging puts several breaks into one decision; a break whose
payment is to be reversed is parked until the reversal has come."""

UNSETTLED = frozenset({BreakState.OPEN, BreakState.PARKED})
"""States that still wait for somebody; their difference is unexplained."""

DECIDED = frozenset({BreakState.MATCHED, BreakState.SPLIT, BreakState.REJECTED})
"""States that a person chose; a run never changes them."""

SUGGESTED_ACTIONS: dict[str, tuple[str, str]] = {
    "match": ("Match", "匹配"),
    "split": ("Split", "拆分"),
    "reject": ("Reject", "拒绝"),
    "park": ("Park", "挂账"),
    "ask": ("Ask the sender", "询问来源方"),
}

SUGGESTION_REASONS: dict[str, tuple[str, str]] = {
    "same_amount_near_date": (
        "An open item on the other side has the same amount within a few days.",
        "对方有一笔金额相同、日期相近的未决项。",
    ),
    "bank_line_missing": (
        "The bank line is overdue; ask the bank or the lender.",
        "银行流水已逾期未到，请询问银行或资金方。",
    ),
    "only_pushed": (
        "The payment was pushed, but the lender's file does not have it.",
        "该还款由接口推送，资金方文件中没有。",
    ),
    "refund_differs": (
        "It carries the reference of a refund, with another amount; ask the bank.",
        "附言为退款付款编号，但金额不符，请询问银行。",
    ),
    "refund_unexpected": (
        "It carries the reference of a refund that is not being paid out; look at the refund.",
        "附言为退款付款编号，但该退款不在付款中，请核对退款。",
    ),
    "payer_known": ("The payer has paid this loan before.", "该付款人曾偿还此借据。"),
    "owner_unknown": ("Nobody is known who owes this; park it in suspense.", "未找到归属人，建议挂账。"),
    "repeats_line": ("It repeats a bank line that is matched already.", "与已匹配的银行流水重复。"),
    "repeats_payment": ("It repeats a payment that is there already.", "与已有还款重复。"),
    "repeats_open_item": ("It repeats an item that is broken itself.", "与另一未决项重复。"),
    "same_reference": (
        "Both sides carry the same reference; the amounts differ beyond the channel's tolerance.",
        "双方附言相同，金额差异超出渠道容差。",
    ),
    "sum_differs": (
        "The payments of this reference do not add up to the bank lines.",
        "同一附言下的还款合计与银行流水不符。",
    ),
    "dates_apart": ("Both sides agree but their dates lie too far apart.", "双方一致，但日期相差过大。"),
    "value_date_ahead": ("The value date lies after the business date.", "起息日晚于营业日。"),
    "booked_back": ("The value date lies too long before the day of booking.", "起息日早于入账日过多。"),
    "loan_not_in_book": ("No loans feed ever named this loan.", "借款数据中从未出现该借据。"),
    "original_not_found": ("The payment it reverses was never received.", "被冲正的还款从未收到。"),
    "already_reversed": ("The payment it reverses is reversed already.", "被冲正的还款已经冲正过。"),
    "reported_not_received": (
        "The agency reported it; neither lender nor bank has it.",
        "机构已报送，资方与银行均无此笔。",
    ),
    "agency_silent": (
        "The loan was with the agency, which reports but left this payment out.",
        "借据在该机构委案期内，机构有报送但未报此笔。",
    ),
    "cash_not_remitted": (
        "The agency collected it and says itself that it was not passed on.",
        "机构代收，自报尚未划付，已逾划付期限。",
    ),
    "told_amount_differs": ("The payment is there, of another amount.", "还款已到，但金额不同。"),
    "reported_again": ("It repeats a payment that the agency reported already.", "与机构已报送的还款重复。"),
    "no_payment_of_claim": (
        "No payment of this loan and amount came near the day.",
        "该借据在申报日前后没有此金额的还款。",
    ),
    "claimed_by_other": ("Another collector claimed this payment first.", "另一催收员已先申报该笔还款。"),
    "claimed_again": ("The same collector claimed this payment already.", "同一催收员已申报过该笔还款。"),
    "held": ("A person decided not to recognise it.", "经人工决定不予认可。"),
    "other_content": (
        "The payment id is recorded with other content; the record stands until a person decides.",
        "该流水号已按其他内容入账，在人工决定前以原记录为准。",
    ),
}
"""Why something is suggested: code → sentence in English and 中文."""


class MoveNotAllowed(Conflict):
    """The life cycle has no such move from the present state."""

    def __init__(self, state: BreakState, move: BreakMove) -> None:
        super().__init__(
            f"A break that is {BREAK_STATE_NAMES[state][0]} cannot be changed by: {BREAK_MOVE_NAMES[move][0]}.",
            f"状态为“{BREAK_STATE_NAMES[state][1]}”的差异不能执行“{BREAK_MOVE_NAMES[move][1]}”。",
        )
        self.state = state
        self.move = move


class BreakChanged(Conflict):
    """Somebody changed the break since it was read; says who and what it is now."""

    def __init__(self, who: str, state: BreakState) -> None:
        super().__init__(
            f"{who} changed this break meanwhile; it is now {BREAK_STATE_NAMES[state][0]}. Please look again.",
            f"{who} 已先行处理该差异，现状态为“{BREAK_STATE_NAMES[state][1]}”，请刷新后再看。",
        )
        self.who = who
        self.state = state


class NoSuchBreak(NotFound):
    """No such break."""

    def __init__(self) -> None:
        super().__init__("There is no such break.", "没有该差异。")


class ReasonMissing(Invalid):
    """A decision needs a reason that somebody else can read later."""

    def __init__(self) -> None:
        super().__init__("Please give a reason (3 to 500 characters).", "请填写理由（3 至 500 字）。", field="reason")


class SidesDisagree(Invalid):
    """The chosen items do not add up, and nobody said that the rest is accepted."""

    def __init__(self, difference: str, currency: str) -> None:
        super().__init__(
            f"The two sides differ by {difference} {currency}. Choose other items, or accept the difference expressly.",
            f"双方相差 {difference} {currency}。请改选，或明确接受该差额。",
            field="counterparts",
        )


class WrongCounterpart(Invalid):
    """The chosen items cannot be put together."""


def move(state: BreakState, what: BreakMove) -> BreakState:
    """The state after ``what``; raises ``MoveNotAllowed``. The only way in which a break changes state."""
    try:
        return MOVES[state][what]
    except KeyError:
        raise MoveNotAllowed(state, what) from None


def break_id(
    kind: BreakKind, source_code: str, payment_ids: Sequence[str], bank_line_ids: Sequence[str], content: str = ""
) -> str:
    """The id of a break: the same items broken in the same way are the same break, in every run.

    ``content`` tells contents of one payment id apart (only for ``conflicting_content``).
    """
    return key_hash(
        kind.value,
        source_code,
        str(len(payment_ids)),
        *sorted(payment_ids),
        str(len(bank_line_ids)),
        *sorted(bank_line_ids),
        content,
    )


def checked_reason(reason: str) -> str:
    """``reason`` without blanks around it; raises ``ReasonMissing``."""
    text = reason.strip()
    if not 3 <= len(text) <= 500:
        raise ReasonMissing
    return text


def masked_name(name: str | None) -> str | None:
    """A payer's name as a desk shows it: the first character and the length hidden (张**)."""
    return None if not name else name[0] + "**"


def masked_account(account: str | None) -> str | None:
    """An account as a desk shows it: its last four characters."""
    return None if not account else "****" + account[-4:] if len(account) > 4 else "****"
