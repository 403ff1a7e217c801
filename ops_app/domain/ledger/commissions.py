"""Commission (佣金): the fee of each payment of a placement by its contract, and the lines that make it so.

``fee = round half up(rate × eligible net cash)`` for each payment (domain e-9). What was paid out before is never
changed: ``lines_for`` compares what a payment earns now with what its lines say and answers with the lines that are
missing. Cash that went back is clawed back at the original rate; a tier that moved with the liquidation, or a cap that
has room again, is a line of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise

from ops_app.domain.ledger.commission_terms import PaidTo, Terms, Tier, Tiering
from ops_app.domain.money import round_half_up


class LineKind(StrEnum):
    """What a line of commission is."""

    EARNED = "earned"
    CLAWBACK = "clawback"
    RESTORED = "restored"
    TIER_ADJUSTMENT = "tier_adjustment"
    CAP_ADJUSTMENT = "cap_adjustment"
    CORRECTION = "correction"
    BONUS = "bonus"
    MALUS = "malus"


LINE_KIND_NAMES: dict[LineKind, tuple[str, str]] = {
    LineKind.EARNED: ("earned", "计佣"),
    LineKind.CLAWBACK: ("clawback", "扣回"),
    LineKind.RESTORED: ("restored", "恢复计佣"),
    LineKind.TIER_ADJUSTMENT: ("tier adjustment", "档位调整"),
    LineKind.CAP_ADJUSTMENT: ("cap adjustment", "封顶调整"),
    LineKind.CORRECTION: ("correction", "更正"),
    LineKind.BONUS: ("compliance bonus", "合规奖励"),
    LineKind.MALUS: ("compliance malus", "合规扣罚"),
}


class Unearned(StrEnum):
    """Why a payment, or a part of it, earns nobody a commission."""

    NO_CASE = "no_case"
    IN_HOUSE = "in_house"
    AFTER_TAIL = "after_tail"
    NO_CONTRACT = "no_contract"
    CHANNEL = "channel"
    PAID_ELSEWHERE = "paid_elsewhere"
    PROMISED_BEFORE = "promised_before"
    NOTHING_ELIGIBLE = "nothing_eligible"
    NO_TIER = "no_tier"
    SETTLED_BEFORE = "settled_before"


UNEARNED_NAMES: dict[Unearned, tuple[str, str]] = {
    Unearned.NO_CASE: ("not posted to a case", "未入账至案件"),
    Unearned.IN_HOUSE: ("the case was with no agency on the value date", "起息日案件未委外"),
    Unearned.AFTER_TAIL: ("after the end of the placement and its tail", "已过委托期及计佣尾期"),
    Unearned.NO_CONTRACT: ("no contract was in force on the day of placement", "委托日无生效合同"),
    Unearned.CHANNEL: ("the contract excludes the channel", "合同约定该渠道不计佣"),
    Unearned.PAID_ELSEWHERE: ("the contract does not count who received it", "合同约定该收款方不计佣"),
    Unearned.PROMISED_BEFORE: ("promised before the placement", "委托前已承诺还款"),
    Unearned.NOTHING_ELIGIBLE: ("nothing of it is posted to a component that counts", "无计佣组成部分入账"),
    Unearned.NO_TIER: ("no tier of the contract fits", "不符合合同任何档位"),
    Unearned.SETTLED_BEFORE: ("settled by the former system already", "原系统已结算"),
}


@dataclass(frozen=True)
class Part:
    """A part of the cash of a payment and the tier in which it lies (``rate`` 0 and no tier: none fits)."""

    tier: str
    rate: Decimal
    cash_minor: int


@dataclass(frozen=True)
class Placed:
    """The placement of which payments are: what the tiers look at beside the payment."""

    placement_id: str
    nth: int
    placed_balance_minor: int
    original_principal_minor: int
    product: str = ""


@dataclass(frozen=True)
class Cash:
    """The eligible net cash of one payment: whole minor units, never below zero; ``age_days`` by the contract's basis;
    ``reason`` where it does not count."""

    payment: str
    value_date: date
    cash_minor: int
    age_days: int
    bucket: str = ""
    channel: str | None = None
    reason: Unearned | None = None


@dataclass(frozen=True)
class Fee:
    """What a payment earns: ``full_minor`` by its parts, ``cut_minor`` of it above the cap. ``before_minor`` is the
    cash of the placement before it, ``reached_minor`` that of all its payments, ``room_minor`` what the cap left."""

    payment: str
    cash_minor: int
    parts: tuple[Part, ...]
    full_minor: int
    cut_minor: int
    reason: Unearned | None = None
    before_minor: int = 0
    reached_minor: int = 0
    room_minor: int | None = None

    @property
    def fee_minor(self) -> int:
        return self.full_minor - self.cut_minor


@dataclass(frozen=True)
class Earned:
    """What the lines of a payment say so far: the parts it was first reckoned with, and the sums of its lines."""

    parts: tuple[Part, ...]
    cash_minor: int
    original_minor: int
    tier_minor: int
    cut_minor: int
    lines: int
    corrected_minor: int = 0


@dataclass(frozen=True)
class NewLine:
    """A line that is missing: changes of cash, of the fee before the cap and of what the cap cuts off it."""

    kind: LineKind
    payment: str
    nth: int
    parts: tuple[Part, ...]
    cash_minor: int
    full_minor: int
    cut_minor: int

    @property
    def fee_minor(self) -> int:
        return self.full_minor - self.cut_minor


def exclusion(terms: Terms, channel: str | None, promised_before: bool, cash_minor: int) -> Unearned | None:
    """Why a payment within its placement does not count by the contract; ``None`` where it does."""
    if channel is not None and channel in terms.excluded_channels:
        return Unearned.CHANNEL
    if terms.paid_to(channel) not in terms.counted:
        return Unearned.PAID_ELSEWHERE
    if promised_before and terms.excludes_promises:
        return Unearned.PROMISED_BEFORE
    return Unearned.NOTHING_ELIGIBLE if cash_minor <= 0 else None


def work_out(terms: Terms, placed: Placed, payments: Iterable[Cash]) -> dict[str, Fee]:
    """Payment → its fee, for all payments of one placement, which count in the order of value date and id.

    By whole amount the liquidation is that of all their cash together; marginally each payment begins where the one
    before it ended. The cap is used up in the same order.
    """
    order = sorted(payments, key=lambda one: (one.value_date, one.payment))
    counting = [one for one in order if one.reason is None and one.cash_minor > 0]
    reached = sum(one.cash_minor for one in counting)
    room = cap_minor(terms, placed)
    found: dict[str, Fee] = {}
    so_far = 0
    for one in order:
        if one.reason is not None or one.cash_minor <= 0:
            found[one.payment] = Fee(one.payment, 0, (), 0, 0, one.reason or Unearned.NOTHING_ELIGIBLE)
            continue
        fee = fee_by(terms, placed, one, so_far, reached, room)
        so_far += one.cash_minor
        room = None if room is None else room - fee.fee_minor
        found[one.payment] = fee
    return found


def fee_by(
    terms: Terms, placed: Placed, one: Cash, before_minor: int, reached_minor: int, room_minor: int | None
) -> Fee:
    """The fee of one payment that counts, where the payments before it and the cap stand as given."""
    parts = parts_of(terms, placed, one, before_minor, reached_minor)
    full = fee_of(parts, one.cash_minor, terms.minimum_minor)
    cut = 0 if room_minor is None else max(0, full - room_minor)
    nothing = None if any(part.tier for part in parts) else Unearned.NO_TIER
    return Fee(one.payment, one.cash_minor, parts, full, cut, nothing, before_minor, reached_minor, room_minor)


def cap_minor(terms: Terms, placed: Placed) -> int | None:
    """The most that a placement earns; of two caps the lesser; ``None`` where there is none."""
    caps = [] if terms.cap_minor is None else [terms.cap_minor]
    if terms.cap_share is not None:
        caps.append(round_half_up(terms.cap_share * placed.original_principal_minor))
    return min(caps, default=None)


def parts_of(terms: Terms, placed: Placed, one: Cash, before_minor: int, reached_minor: int) -> tuple[Part, ...]:
    """The cash of a payment by tiers. ``before_minor`` is the cash of the placement before it, ``reached_minor`` that
    of all its payments."""
    fitting = [tier for tier in terms.tiers if _fits(tier, placed, one)]
    if terms.tiering is Tiering.WHOLE:
        tier = next((it for it in fitting if _reached(it, placed, placed.placed_balance_minor, reached_minor)), None)
        return (Part(tier.code, tier.rate, one.cash_minor) if tier else Part("", Decimal(0), one.cash_minor),)
    end = before_minor + one.cash_minor
    cuts = {before_minor, end}
    for tier in fitting:
        edges = [round_half_up(edge) for edge in tier.balance.edges]
        edges += [round_half_up(edge * placed.placed_balance_minor) for edge in tier.liquidation.edges]
        cuts |= {edge for edge in edges if before_minor < edge < end}
    ordered = sorted(cuts)
    made: list[Part] = []
    for begin, stop in pairwise(ordered):
        tier = next((it for it in fitting if _lies_in(it, placed, begin)), None)
        part = Part(tier.code, tier.rate, stop - begin) if tier else Part("", Decimal(0), stop - begin)
        if made and made[-1].tier == part.tier:
            part = Part(part.tier, part.rate, made.pop().cash_minor + part.cash_minor)
        made.append(part)
    return tuple(made)


def fee_of(parts: Sequence[Part], cash_minor: int, minimum_minor: int = 0) -> int:
    """The fee of ``cash_minor`` by these parts, counted from the first: what exceeds them has the rate of the last one.
    Rounded once, half up; at least the minimum, but never more than the cash."""
    if cash_minor <= 0 or not parts:
        return 0
    left, exact = cash_minor, Decimal(0)
    for part in parts[:-1]:
        taken = min(left, part.cash_minor)
        exact += part.rate * taken
        left -= taken
    exact += parts[-1].rate * left
    fee = round_half_up(exact)
    if minimum_minor and any(part.tier for part in parts):
        fee = max(fee, min(minimum_minor, cash_minor))
    return fee


def lines_for(fee: Fee, earned: Earned | None, minimum_minor: int = 0) -> list[NewLine]:
    """The lines that are missing so that the lines of a payment say what it earns now.

    The first line has the parts of its day. Later the change of cash is reckoned with those same parts, whatever tier
    holds now; what the tiers of today make of it beyond that is a tier adjustment. Where all cash went back, a
    correction that a person made goes with it. A change of the cap goes with the first of these lines, or by itself.
    """
    if earned is None or earned.lines == 0:
        if not fee.full_minor and not fee.cash_minor:
            return []
        if fee.reason is not None:
            return []
        return [NewLine(LineKind.EARNED, fee.payment, 1, fee.parts, fee.cash_minor, fee.full_minor, fee.cut_minor)]
    original = fee_of(earned.parts, fee.cash_minor, minimum_minor)
    changes = (
        (_of_cash(fee, earned), fee.cash_minor - earned.cash_minor, original - earned.original_minor, earned.parts),
        (LineKind.TIER_ADJUSTMENT, 0, fee.full_minor - original - earned.tier_minor, fee.parts or earned.parts),
        (LineKind.CORRECTION, 0, 0 if fee.cash_minor else -earned.corrected_minor, earned.parts),
    )
    cut = fee.cut_minor - earned.cut_minor
    made: list[NewLine] = []
    for kind, cash, full, parts in changes:
        if cash or full:
            made.append(NewLine(kind, fee.payment, earned.lines + len(made) + 1, parts, cash, full, cut))
            cut = 0
    if cut:
        nth = earned.lines + len(made) + 1
        made.append(NewLine(LineKind.CAP_ADJUSTMENT, fee.payment, nth, earned.parts, 0, 0, cut))
    return made


def _of_cash(fee: Fee, earned: Earned) -> LineKind:
    return LineKind.CLAWBACK if fee.cash_minor < earned.cash_minor else LineKind.RESTORED


def conduct_lines(terms: Terms, fees_minor: int, complaints: int) -> Mapping[LineKind, int]:
    """What conduct adds to or takes from the fees of a period: a bonus without complaints, a malus for each."""
    fees = max(0, fees_minor)
    most = round_half_up(terms.conduct.malus_most * fees)
    bonus = 0 if complaints else round_half_up(terms.conduct.bonus * fees)
    return {LineKind.BONUS: bonus, LineKind.MALUS: -min(complaints * terms.conduct.malus_minor, most)}


def received_by(terms: Terms, one: Cash) -> PaidTo:
    """Who received the cash of a payment."""
    return terms.paid_to(one.channel)


def _fits(tier: Tier, placed: Placed, one: Cash) -> bool:
    """Whether what is fixed for a payment fits: age, bucket, number of the placement, product."""
    return (
        tier.age.holds(one.age_days)
        and tier.placement.holds(placed.nth)
        and (not tier.buckets or one.bucket in tier.buckets)
        and (not tier.products or placed.product in tier.products)
    )


def _reached(tier: Tier, placed: Placed, balance_minor: int, cash_minor: int) -> bool:
    return tier.balance.holds(balance_minor) and _liquidated(tier, placed, cash_minor)


def _lies_in(tier: Tier, placed: Placed, cash_minor: int) -> bool:
    """Whether the unit of cash after ``cash_minor`` lies in the tier; its edges are whole minor units."""
    edges = [None if edge is None else round_half_up(edge * placed.placed_balance_minor)
             for edge in (tier.liquidation.least, tier.liquidation.below)]  # fmt: skip
    least, below = edges
    in_share = (least is None or least <= cash_minor) and (below is None or cash_minor < below)
    return tier.balance.holds(cash_minor) and in_share


def _liquidated(tier: Tier, placed: Placed, cash_minor: int) -> bool:
    """Whether cash over the placed balance lies in the tier, without dividing: both sides times the balance."""
    least, below, placed_minor = tier.liquidation.least, tier.liquidation.below, placed.placed_balance_minor
    return (least is None or least * placed_minor <= cash_minor) and (
        below is None or cash_minor < below * placed_minor
    )
