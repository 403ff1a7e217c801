"""Who pays today, how much and through which channel; what bounces, is refunded, settled or written off."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import numpy as np

from pipelines.simulator import parameters as p
from pipelines.simulator.days import is_month_end, willingness
from pipelines.simulator.history import tilt
from pipelines.simulator.state import Book
from pipelines.simulator.streams import stream

AUTO, SELF_CURE, PROMISE, BROKEN_PART = 1, 2, 3, 4


@dataclass
class Plans:
    """What each borrower means to do next; at most one plan a loan."""

    day: np.ndarray
    kind: np.ndarray
    amount: np.ndarray
    last_contact: np.ndarray
    promised_until: np.ndarray

    @classmethod
    def none(cls, size: int) -> Plans:
        def empty(value: int) -> np.ndarray:
            return np.full(size, value, dtype=np.int64)

        return cls(empty(-1), empty(0), empty(0), empty(-1_000), empty(-1))


@dataclass(frozen=True)
class Payments:
    """Payment events of one day, in order of their moment. ``parts`` is (4, n): principal, interest, fees, penalty."""

    number: np.ndarray
    """yyyymmdd × 10^7 + position: the payment id without its letter."""
    loan: np.ndarray
    kind: np.ndarray
    reverses: np.ndarray
    """Number of the payment undone, 0 if none."""
    second: np.ndarray
    amount: np.ndarray
    parts: np.ndarray
    channel: np.ndarray


@dataclass
class Pending:
    """Events that the bank will bring on a later day: (loan, reverses, amount, parts, channel) by day and kind."""

    by_day: dict[tuple[int, int], list[tuple[np.ndarray, ...]]] = field(default_factory=dict)

    def add(self, days: np.ndarray, kind: int, columns: tuple[np.ndarray, ...]) -> None:
        for day in np.unique(days):
            chosen = days == day
            self.by_day.setdefault((int(day), kind), []).append(tuple(c[..., chosen] for c in columns))

    def take(self, day: int, kind: int) -> tuple[np.ndarray, ...]:
        waiting = self.by_day.pop((day, kind), [])
        if not waiting:
            none = np.zeros(0, dtype=np.int64)
            return none, none, none, np.zeros((4, 0), dtype=np.int64), none
        return tuple(np.concatenate(column, axis=-1) for column in zip(*waiting, strict=True))


def plan_cycle(book: Book, plans: Plans, billed: np.ndarray, today: int, seed: int) -> None:
    """On the due date: the debit succeeds, or the borrower will pay by himself within days, or neither."""
    rng = stream(seed, "cycle", today)
    loans = book.loans
    rows = billed[book.amount_due(billed) <= loans.instalment_principal[billed] * 2 + loans.instalment_interest[billed]]
    miss = tilt(np.array([kind.miss for kind in p.PRODUCTS])[loans.product[rows]], -loans.propensity[rows])
    on_time = (1.0 - miss) * p.PAYS_ON_DUE_DATE
    u, v = rng.random(len(rows)), rng.random(len(rows))
    late = (u >= on_time) & (v < tilt(np.full(len(rows), p.SELF_CURES), loans.propensity[rows]))
    delay = np.where(u < on_time, 0, 1 + rng.geometric(0.22, len(rows)))
    planned = (u < on_time) | late
    free = planned & (plans.day[rows] < today)
    rows, delay, late = rows[free], delay[free], late[free]
    plans.day[rows] = today + delay
    plans.kind[rows] = np.where(late, SELF_CURE, AUTO)


def plan_opening(book: Book, plans: Plans, dpd: np.ndarray, eve: int, seed: int) -> None:
    """Borrowers a few days late on the eve of the window already mean to pay: the window opens in full swing."""
    rng = stream(seed, "opening", eve)
    fresh = np.flatnonzero((dpd >= 1) & (dpd <= 10) & (book.closed == 0))
    rows = fresh[rng.random(len(fresh)) < 0.5 * (1.0 - (dpd[fresh] - 1) / 12)]
    plans.day[rows] = eve + rng.geometric(0.22, len(rows))
    plans.kind[rows] = SELF_CURE


def decide(book: Book, plans: Plans, dpd: np.ndarray, day: date, today: int, seed: int) -> tuple[np.ndarray, ...]:
    """Loans that pay today: rows, amounts, channels, and whether the payment settles the loan at a discount."""
    rng = stream(seed, "pay", today)
    loans = book.loans
    size = loans.size
    u, w, share = rng.random(size), rng.random(size), rng.random(size)
    due, total = book.amount_due(), book.total()
    open_ = (loans.originated < today) & (book.closed != p.SETTLED) & (total > 0)
    amount = np.zeros(size, dtype=np.int64)
    planned = open_ & (plans.day == today)
    promised = planned & (plans.kind >= PROMISE)
    amount = np.where(planned & ~promised, due, amount)
    amount = np.where(promised, np.minimum(plans.amount, total), amount)

    bucket = p.bucket_of(dpd)
    warm = today - plans.last_contact <= p.CONTACT_DAYS
    hazard = p.DAILY_HAZARD[bucket] * np.exp(0.7 * loans.propensity - 0.2) * willingness(day)
    hazard = hazard * np.where(warm, p.CONTACT_LIFT, 1.0) * np.where(book.closed == p.WRITTEN_OFF, 0.7, 1.0)
    free = open_ & ~planned & (plans.promised_until < today)
    by_self = free & (dpd > 0) & (due > 0) & (u < hazard)
    amount = np.where(by_self, _how_much(book, bucket, due, total, w, share), amount)

    settles = free & ~by_self & (dpd > 120) & (u > 1 - p.SETTLES_DAILY * np.where(warm, 3, 1) * willingness(day))
    amount = np.where(settles, (total * (0.4 + 0.4 * share)).astype(np.int64), amount)
    early = free & (dpd == 0) & (due == 0) & (u < p.REPAYS_EARLY_DAILY)
    rounded_up = (total + 9_999) // 10_000 * 10_000
    amount = np.where(early, np.where(w < p.OVERPAYS, rounded_up, total), amount)

    rows = np.flatnonzero(amount > 0)
    chosen = amount[rows]
    by_hand = rng.choice([p.TRANSFER, p.ALIPAY, p.WECHAT], len(rows), p=[0.34, 0.34, 0.32])
    channel = np.where(planned[rows] & (plans.kind[rows] == AUTO), p.AUTO_DEBIT, by_hand)
    channel = np.where((chosen > 3_000_000) | early[rows] | settles[rows], p.TRANSFER, channel)
    return rows, chosen, channel, settles[rows]


def _how_much(
    book: Book, bucket: np.ndarray, due: np.ndarray, total: np.ndarray, w: np.ndarray, share: np.ndarray
) -> np.ndarray:
    """All that is due, one instalment, or a part in whole hundreds of yuan."""
    one = book.loans.instalment_principal + book.loans.instalment_interest
    part = np.maximum((one * (0.2 + 0.7 * share)).astype(np.int64) // 10_000, 1) * 10_000
    all_due = w < p.PAYS_ALL_DUE[bucket]
    one_instalment = w < p.PAYS_ALL_DUE[bucket] + p.PAYS_ONE_INSTALMENT[bucket]
    return np.minimum(np.where(all_due, due, np.where(one_instalment, one, part)), np.where(all_due, due, total))


def pay_day(
    book: Book, plans: Plans, pending: Pending, dpd: np.ndarray, day: date, today: int, seed: int
) -> tuple[Payments, np.ndarray, np.ndarray]:
    """Run the day's reversals, refunds and payments: the events, the rows settled and the cents waived on them."""
    back = pending.take(today, p.REVERSAL)
    alive = book.closed[back[0]] == 0
    back = tuple(column[..., alive] for column in back)
    book.restore(back[0], back[3])
    refund = pending.take(today, p.REFUND)
    rows, amount, channel, settles = decide(book, plans, dpd, day, today, seed)
    card_91 = (book.loans.product[rows] == 0) & (dpd[rows] >= 91)
    parts = book.apply(rows, amount, card_91, today)
    waived = book.settle(rows[settles])
    payments = _number(day, today, seed, (rows, amount, parts, channel), back, refund)
    _foresee(pending, payments, rows[settles], today, seed)
    return payments, rows[settles], waived


def _number(
    day: date, today: int, seed: int, paid: tuple[np.ndarray, ...], back: tuple[np.ndarray, ...],
    refund: tuple[np.ndarray, ...],
) -> Payments:  # fmt: skip
    """Give every event its moment and, in order of moments, its number."""
    rng = stream(seed, "moments", today)
    rows, amount, parts, channel = paid
    sizes = (len(rows), len(back[0]), len(refund[0]))
    by_hand = np.clip(rng.normal(14.5, 4.2, sizes[0]), 6.5, 23.4) * 3600
    second = np.where(channel == p.AUTO_DEBIT, 6 * 3600 + rng.integers(0, 5_400, sizes[0]), by_hand.astype(np.int64))
    second = np.concatenate([second, 9 * 3600 + rng.integers(0, 3_600, sizes[1] + sizes[2])])
    kind = np.repeat([p.PAYMENT, p.REVERSAL, p.REFUND], sizes)
    loan = np.concatenate([rows, back[0], refund[0]])
    order = np.lexsort((kind, loan, second))
    nothing = np.zeros(sizes[0], dtype=np.int64)
    return Payments(
        number=int(f"{day:%Y%m%d}") * 10_000_000 + np.arange(1, len(loan) + 1),
        loan=loan[order],
        kind=kind[order],
        reverses=np.concatenate([nothing, back[1], refund[1]])[order],
        second=second[order],
        amount=np.concatenate([amount, back[2], refund[2]])[order],
        parts=np.concatenate([parts, back[3], np.zeros_like(refund[3])], axis=1)[:, order],
        channel=np.concatenate([channel, back[4], refund[4]])[order],
    )


def _foresee(pending: Pending, payments: Payments, settled: np.ndarray, today: int, seed: int) -> None:
    """Which of today's payments will bounce within days, and which excess will be sent back."""
    rng = stream(seed, "bounce", today)
    applied = payments.parts.sum(axis=0)
    excess = payments.amount - applied
    normal = payments.kind == p.PAYMENT
    bounces = normal & (rng.random(len(payments.loan)) < p.BOUNCES) & (excess == 0) & ~np.isin(payments.loan, settled)
    bounces &= payments.channel <= p.AUTO_DEBIT
    later = today + 1 + rng.integers(0, 3, len(payments.loan))
    columns = (payments.loan, payments.number, payments.amount, payments.parts, payments.channel)
    pending.add(later[bounces], p.REVERSAL, tuple(c[..., bounces] for c in columns))
    over = normal & (excess > 0)
    refunds = (payments.loan, payments.number, excess, payments.parts, np.full_like(payments.channel, p.TRANSFER))
    pending.add(later[over] + 2, p.REFUND, tuple(c[..., over] for c in refunds))


def write_off_at_month_end(book: Book, dpd: np.ndarray, day: date, today: int, seed: int) -> None:
    """Some loans beyond a year past due leave the lender's balance sheet at each month end."""
    if not is_month_end(day):
        return
    u = stream(seed, "write-off", today).random(book.loans.size)
    book.write_off(np.flatnonzero((dpd > p.WRITE_OFF_DPD) & (book.closed == 0) & (u < p.WRITES_OFF_AT_MONTH_END)))
