"""Calls of a day: who is called, by whom, when, what came of it, and the promises that follow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from pipelines.simulator import parameters as p
from pipelines.simulator.behaviour import BROKEN_PART, PROMISE, Plans
from pipelines.simulator.days import calling, date_of
from pipelines.simulator.history import tilt
from pipelines.simulator.portfolio import IN_HOUSE, Staff
from pipelines.simulator.state import Book
from pipelines.simulator.streams import stream

# Outcomes of a call. From REFUSED on the right party spoke.
NO_ANSWER, BUSY, SWITCHED_OFF, INVALID_NUMBER, HUNG_UP, THIRD_PARTY, REFUSED, WILL_CONSIDER, DISPUTE, PROMISED = range(
    10
)
OUTCOMES = (
    "no_answer", "busy", "switched_off", "invalid_number", "hung_up", "third_party", "refused", "will_consider",
    "dispute", "promise",
)  # fmt: skip
HANGUP_CAUSES = ("NO_ANSWER", "USER_BUSY", "SUBSCRIBER_ABSENT", "UNALLOCATED_NUMBER", "NORMAL_CLEARING")
ROBOT, HUMAN = 0, 1

_HUMAN_HOURS = np.array([8.7, 9.5, 10.4, 11.2, 14.2, 15.3, 16.2, 17.4, 18.8, 19.6])
_ROBOT_HOURS = np.array([8.6, 9.8, 11.3, 12.5, 13.4, 15.6, 17.8, 18.5, 19.3, 20.0])


@dataclass(frozen=True)
class Calls:
    """Call attempts of one day in order of their start. Seconds are of the day; -1 is none."""

    loan: np.ndarray
    collector: np.ndarray
    """Row of the collector, -1 for a robot."""
    team: np.ndarray
    channel: np.ndarray
    inbound: np.ndarray
    started: np.ndarray
    answered: np.ndarray
    ended: np.ndarray
    outcome: np.ndarray


@dataclass(frozen=True)
class Promises:
    """Promises of one day; ``due`` are day numbers, ``kept`` what the borrower privately intends."""

    loan: np.ndarray
    call: np.ndarray
    due: np.ndarray
    amount: np.ndarray
    kept: np.ndarray


def call_day(
    book: Book, plans: Plans, known_dead: np.ndarray, staff: Staff, dpd: np.ndarray, day: date, today: int, seed: int
) -> tuple[Calls, Promises]:
    """Make the day's calls on the state of the morning; updates plans and the numbers known to be dead."""
    rng = stream(seed, "calls", today)
    loan, channel = _dial_list(book, plans, known_dead, dpd, day, today, rng)
    bucket = p.bucket_of(dpd[loan])
    team = np.where(dpd[loan] <= p.IN_HOUSE_UP_TO_DPD, IN_HOUSE, book.loans.agency[loan])
    collector = np.where(channel == HUMAN, staff.seat(team, book.loans.desk[loan]), -1)
    skill = np.where(channel == HUMAN, staff.skill[collector], -0.25)
    inbound = (channel == HUMAN) & (rng.random(len(loan)) < 0.02)
    outcome = _outcomes(book, loan, channel, bucket, skill, inbound, rng)
    hours = np.where(channel == HUMAN, rng.choice(_HUMAN_HOURS, len(loan)), rng.choice(_ROBOT_HOURS, len(loan)))
    started = (hours * 3600).astype(np.int64) + rng.integers(-1_500, 1_500, len(loan))
    # a second try, hours later, when nobody answered: still before 21:00
    again = np.flatnonzero(
        (outcome <= BUSY) & (started < 15 * 3600) & book.loans.lead[loan] & (rng.random(len(loan)) < 0.35)
    )
    retry = _outcomes(book, loan[again], channel[again], bucket[again], skill[again], inbound[again], rng)
    take = np.concatenate([np.arange(len(loan)), again])
    outcome = np.concatenate([outcome, retry])
    started = np.concatenate([started, started[again] + rng.integers(2 * 3600, 5 * 3600, len(again))])
    order = np.lexsort((take, started))
    take, outcome, started = take[order], outcome[order], started[order]
    loan, channel, skill, bucket = loan[take], channel[take], skill[take], bucket[take]
    answered, ended = _durations(outcome, channel, started, rng)
    calls = Calls(loan, collector[take], team[take], channel, inbound[take], started, answered, ended, outcome)
    known_dead[loan[outcome == INVALID_NUMBER]] = True
    plans.last_contact[loan[outcome >= REFUSED]] = today
    return calls, _promises(book, plans, calls, bucket, skill, today, rng)


def _dial_list(
    book: Book, plans: Plans, known_dead: np.ndarray, dpd: np.ndarray, day: date, today: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Loans called today and by whom; people who promised are left alone until their day."""
    robot, human = calling(day)
    bucket = p.bucket_of(dpd)
    reachable = (dpd > 0) & (book.closed != p.SETTLED) & (book.total() > 0) & (plans.promised_until < today)
    weight = np.where(known_dead, 0.15, 1.0) * np.where(book.closed == p.WRITTEN_OFF, 0.5, 1.0)
    weight = weight * np.where(book.loans.lead, 1.0, 0.5)
    u = rng.random(book.loans.size)
    by_robot = p.ROBOT_DAILY[bucket] * robot * weight
    by_human = p.HUMAN_DAILY[bucket] * human * weight
    called = reachable & (u < by_robot + by_human)
    rows = np.flatnonzero(called)
    return rows, np.where(u[rows] < by_robot[rows], ROBOT, HUMAN)


def _outcomes(
    book: Book, loan: np.ndarray, channel: np.ndarray, bucket: np.ndarray, skill: np.ndarray, inbound: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:  # fmt: skip
    count = len(loan)
    u, v, w = rng.random(count), rng.random(count), rng.random(count)
    answers = tilt(p.ANSWERS[bucket] * np.where(channel == HUMAN, 1.0, 0.75), book.loans.reach[loan], 1.0)
    picked_up = inbound | ((u < answers) & ~book.loans.dead_number[loan])
    silent = np.select([v < 0.70, v < 0.86], [NO_ANSWER, BUSY], SWITCHED_OFF)
    silent = np.where(book.loans.dead_number[loan] & ~inbound, INVALID_NUMBER, silent)
    right = inbound | (v < p.RIGHT_PARTY[bucket] * np.where(channel == HUMAN, 1.0, 0.9))
    wrong = np.where(w < 0.4, THIRD_PARTY, HUNG_UP)
    promise = tilt(p.PROMISES[bucket] * np.where(channel == HUMAN, 1.0, 0.6), book.loans.propensity[loan] * 0.5 + skill)
    spoke = np.select(
        [w < promise, w > 0.985, w > 0.80], [PROMISED, DISPUTE, REFUSED], WILL_CONSIDER
    )  # fmt: skip
    return np.where(picked_up, np.where(right, spoke, wrong), silent)


def _durations(
    outcome: np.ndarray, channel: np.ndarray, started: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Seconds of the day when the call was answered (-1 if not) and when it ended."""
    ringing = rng.integers(5, 40, len(outcome))
    picked_up = outcome >= HUNG_UP
    mean = np.where(outcome >= REFUSED, np.where(channel == HUMAN, 4.7, 3.6), np.where(outcome == HUNG_UP, 1.6, 3.0))
    talk = np.clip(np.exp(rng.normal(mean, 0.6)), 2, 1_800).astype(np.int64)
    ringing = np.where(outcome == INVALID_NUMBER, 3, ringing)
    return np.where(picked_up, started + ringing, -1), started + ringing + np.where(picked_up, talk, 0)


def _promises(
    book: Book, plans: Plans, calls: Calls, bucket: np.ndarray, skill: np.ndarray, today: int, rng: np.random.Generator
) -> Promises:
    """Dates within a week, leaning to paydays; all that is due or one instalment; kept or not."""
    made = np.flatnonzero(calls.outcome == PROMISED)
    loan = calls.loan[made]
    due = today + np.minimum(rng.geometric(0.28, len(made)), 7)
    for wait in range(1, 8):
        payday = date_of(today + wait).day in (10, 15, 25)
        due = np.where(payday & (rng.random(len(made)) < 0.35), today + wait, due)
    loans = book.loans
    one = loans.instalment_principal[loan] + loans.instalment_interest[loan]
    all_due = book.amount_due(loan)
    amount = np.where((rng.random(len(made)) < 0.65) | (all_due < one), all_due, one)
    keeps = tilt(p.KEEPS[bucket[made]], 0.8 * loans.propensity[loan] + skill[made], 1.0)
    kept = rng.random(len(made)) < keeps
    early = np.where(rng.random(len(made)) < 0.25, 1, 0)
    part = ~kept & (rng.random(len(made)) < 0.2)
    acts = kept | part
    rows = loan[acts]
    plans.day[rows] = np.maximum(due - early, today + 1)[acts]
    plans.kind[rows] = np.where(kept, PROMISE, BROKEN_PART)[acts]
    plans.amount[rows] = np.where(kept, amount, np.maximum(amount * 4 // 10 // 10_000, 1) * 10_000)[acts]
    plans.promised_until[loan] = due
    return Promises(loan=loan, call=made, due=due, amount=amount, kept=kept)
