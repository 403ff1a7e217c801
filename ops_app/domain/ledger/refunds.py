"""Refunds (退款): money that is given back, from its request to the bank line that paid it, and what is refused."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from ops_app.domain.errors import Conflict, Invalid, NotFound
from ops_app.domain.money import Money


class RefundState(StrEnum):
    """Where a refund stands (feature 25: 申请 → 审批 → 待付 → 付款中 → 已付)."""

    REQUESTED = "requested"
    IN_APPROVAL = "in_approval"
    RETURNED = "returned"
    APPROVED = "approved"
    IN_PAYOUT = "in_payout"
    PAID = "paid"
    FAILED = "failed"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


REFUND_STATE_NAMES: dict[RefundState, tuple[str, str]] = {
    RefundState.REQUESTED: ("requested", "申请"),
    RefundState.IN_APPROVAL: ("being approved", "审批中"),
    RefundState.RETURNED: ("returned to its maker", "已退回"),
    RefundState.APPROVED: ("approved, to be paid out", "已批准，待付款"),
    RefundState.IN_PAYOUT: ("in a payout file", "付款中"),
    RefundState.PAID: ("paid", "已付"),
    RefundState.FAILED: ("payout failed", "付款失败"),
    RefundState.REJECTED: ("rejected", "已驳回"),
    RefundState.WITHDRAWN: ("withdrawn", "已撤回"),
    RefundState.LAPSED: ("lapsed", "已失效"),
}

PENDING = frozenset({RefundState.REQUESTED, RefundState.IN_APPROVAL, RefundState.RETURNED})
"""States in which it is asked for: the money is kept for it where it stands."""

PAYABLE = frozenset({RefundState.APPROVED, RefundState.IN_PAYOUT, RefundState.FAILED})
"""States in which its money stands in the account of refunds payable."""

POSTED = PAYABLE | {RefundState.PAID}
"""States in which it has left where it stood, for the payee."""

LIVE = PENDING | POSTED
"""States in which what the lender says of a refund may be this one."""


class RefundMove(StrEnum):
    """What may happen to a refund."""

    APPROVE = "approve"
    BOOK = "book"
    RETURN = "return"
    RESUBMIT = "resubmit"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    LAPSE = "lapse"
    PAY_OUT = "pay_out"
    SETTLE = "settle"
    FAIL = "fail"
    COME_BACK = "come_back"
    REOPEN = "reopen"


REFUND_MOVE_NAMES: dict[RefundMove, tuple[str, str]] = {
    RefundMove.APPROVE: ("approved at one level", "一级审批通过"),
    RefundMove.BOOK: ("approved and booked", "审批通过并入账"),
    RefundMove.RETURN: ("returned", "退回"),
    RefundMove.RESUBMIT: ("submitted again", "重新提交"),
    RefundMove.REJECT: ("rejected", "驳回"),
    RefundMove.WITHDRAW: ("withdrawn", "撤回"),
    RefundMove.LAPSE: ("lapsed", "失效"),
    RefundMove.PAY_OUT: ("put into a payout file", "列入付款文件"),
    RefundMove.SETTLE: ("paid by the bank", "银行已付"),
    RefundMove.FAIL: ("refused by the bank", "银行付款失败"),
    RefundMove.COME_BACK: ("sent back by the bank", "银行退汇"),
    RefundMove.REOPEN: ("opened for another payout", "重新待付"),
}

_S, _M = RefundState, RefundMove
_ASKED: dict[RefundMove, RefundState] = {
    _M.APPROVE: _S.IN_APPROVAL, _M.BOOK: _S.APPROVED, _M.RETURN: _S.RETURNED, _M.REJECT: _S.REJECTED,
    _M.WITHDRAW: _S.WITHDRAWN, _M.LAPSE: _S.LAPSED,
}  # fmt: skip
LIFE: dict[RefundState, dict[RefundMove, RefundState]] = {
    _S.REQUESTED: _ASKED,
    _S.IN_APPROVAL: _ASKED,
    _S.RETURNED: {_M.RESUBMIT: _S.REQUESTED, _M.WITHDRAW: _S.WITHDRAWN, _M.LAPSE: _S.LAPSED},
    _S.APPROVED: {_M.PAY_OUT: _S.IN_PAYOUT, _M.WITHDRAW: _S.WITHDRAWN},
    _S.IN_PAYOUT: {_M.SETTLE: _S.PAID, _M.FAIL: _S.FAILED},
    _S.PAID: {_M.COME_BACK: _S.FAILED},
    # the bank may have said no too early: its line is worth more than its word
    _S.FAILED: {_M.REOPEN: _S.APPROVED, _M.WITHDRAW: _S.WITHDRAWN, _M.SETTLE: _S.PAID},
    _S.REJECTED: {},
    _S.WITHDRAWN: {},
    _S.LAPSED: {},
}  # fmt: skip
"""State → move → next state. What is not here is refused: once in a file, only the bank's answer moves a refund."""


class RefundGround(StrEnum):
    """Why money is given back."""

    OVERPAYMENT = "overpayment"
    WRONG_DEDUCTION = "wrong_deduction"


REFUND_GROUND_NAMES: dict[RefundGround, tuple[str, str]] = {
    RefundGround.OVERPAYMENT: ("overpayment, from what is held", "多付，自暂收款退回"),
    RefundGround.WRONG_DEDUCTION: ("wrong deduction, taken back from what it paid", "错扣，撤回已冲抵金额"),
}


class NoSuchRefund(NotFound):
    """No such refund within the actor's reach."""

    def __init__(self) -> None:
        super().__init__("There is no such refund.", "没有该退款记录。")


class RefundMoveNotAllowed(Conflict):
    """The life cycle has no such move from the present state."""

    def __init__(self, state: RefundState, what: RefundMove) -> None:
        super().__init__(
            f"A refund that is {REFUND_STATE_NAMES[state][0]} cannot be {REFUND_MOVE_NAMES[what][0]}.",
            f"状态为“{REFUND_STATE_NAMES[state][1]}”的退款不能执行“{REFUND_MOVE_NAMES[what][1]}”。",
        )


class RefundChanged(Conflict):
    """The refund moved since it was read."""

    def __init__(self) -> None:
        super().__init__("This refund has changed meanwhile. Please look again.", "该退款已变化，请刷新后再看。")


class NotEnoughHeld(Conflict):
    """More is asked for than is free: what is there, less what other requests are waiting for."""

    def __init__(self, free_minor: int, currency: str) -> None:
        free = Money(max(0, free_minor), currency).amount
        super().__init__(
            f"Only {free:,} {currency} of this payment can be given back: the rest is not there, or another request "
            "waits for it.",
            f"该笔还款可退金额仅 {free:,} {currency}，其余不足或已被其他申请占用。",
            field="amount_minor",
        )


class ToldByLender(Conflict):
    """The lender says that it gave this money back itself."""

    def __init__(self, payment_id: str) -> None:
        super().__init__(
            f"The lender says that it has refunded this itself ({payment_id}); it is not refunded a second time.",
            f"资方已自行退款（{payment_id}），不得重复退款。",
        )


def next_state(state: RefundState, what: RefundMove) -> RefundState:
    """Where a refund stands after ``what``; raises ``RefundMoveNotAllowed``."""
    found = LIFE[state].get(what)
    if found is None:
        raise RefundMoveNotAllowed(state, what)
    return found


@dataclass(frozen=True)
class Room:
    """What of one payment can be given back, whole minor units: ``held_minor`` of it is held, ``applied_minor`` is what
    it paid; ``held_requested_minor`` and ``applied_requested_minor`` are what open requests wait for of each."""

    held_minor: int
    applied_minor: int = 0
    held_requested_minor: int = 0
    applied_requested_minor: int = 0

    @property
    def free_minor(self) -> int:
        """What of the held money nobody has asked for; below zero where it went away since."""
        return self.held_minor - self.held_requested_minor

    @property
    def applied_free_minor(self) -> int:
        """What of the applied money nobody has asked for."""
        return self.applied_minor - self.applied_requested_minor


def taken_of(ground: RefundGround, amount_minor: int, room: Room, currency: str) -> tuple[int, int]:
    """How much of ``amount_minor`` comes out of what is held and how much out of what was applied (whole minor units):
    an overpayment from what is held alone, a wrong deduction from what is held first. Raises ``NotEnoughHeld`` and
    ``Invalid``."""
    if isinstance(amount_minor, bool) or not isinstance(amount_minor, int) or amount_minor <= 0:
        raise Invalid("The amount must be above zero.", "金额必须大于零。", field="amount_minor")
    held, applied = max(0, room.free_minor), 0
    if ground is RefundGround.WRONG_DEDUCTION:
        applied = max(0, room.applied_free_minor)
    if amount_minor > held + applied:
        raise NotEnoughHeld(held + applied, currency)
    of_held = min(amount_minor, held)
    return of_held, amount_minor - of_held


@dataclass(frozen=True)
class Payee:
    """To whom money is given back: personal data, kept sealed and shown by its masks."""

    name: str
    account: str
    bank: str

    def __post_init__(self) -> None:
        for field, value, longest in (("payee_name", self.name, 70), ("payee_bank", self.bank, 70)):
            if not 1 <= len(value) <= longest or not value.isprintable():
                raise Invalid(
                    f"This has 1 to {longest} ordinary characters.", f"须填写 1 至 {longest} 个普通字符。", field=field
                )
        if not re.fullmatch(r"[0-9A-Z]{6,34}", self.account, re.ASCII):
            raise Invalid(
                "An account has 6 to 34 digits or letters.", "账号须为 6 至 34 位数字或字母。", field="payee_account"
            )

    @property
    def masked_name(self) -> str:
        """The first character."""
        return self.name[0] + "**"

    @property
    def masked_account(self) -> str:
        """The last four characters."""
        return "****" + self.account[-4:]


def payee_of(name: str, account: str, bank: str) -> Payee:
    """A payee as it is typed: width folded, blanks and dashes of the account left out. Raises ``Invalid`` by field."""
    plain = re.sub(r"[\s\-·.]", "", unicodedata.normalize("NFKC", account)).upper()
    return Payee(" ".join(name.split()), plain, " ".join(bank.split()))


_REFERENCE = re.compile(r"RFD(\d{6,12})A(\d{1,3})Z", re.ASCII)


def reference_of(number: int, attempt: int) -> str:
    """What a payout carries through the bank (end-to-end id): the refund's number, which payout of it this is, and an
    end that stays one when a bank writes more behind it."""
    return f"RFD{number:06d}A{attempt}Z"


def references_in(text: str | None) -> tuple[str, ...]:
    """Every reference of a payout in the text of a bank line, whatever a bank put between its characters."""
    plain = re.sub(r"[^0-9A-Za-z]", "", unicodedata.normalize("NFKC", text or "")).upper()
    found = {reference_of(int(number), int(attempt)) for number, attempt in _REFERENCE.findall(plain)}
    return tuple(sorted(found))
