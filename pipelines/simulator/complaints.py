"""Complaints: a few after human calls, answered within the days a lender has."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from pipelines.simulator.contacts import HUMAN, THIRD_PARTY, Calls
from pipelines.simulator.days import number_of
from pipelines.simulator.files import Table
from pipelines.simulator.portfolio import Portfolio
from pipelines.simulator.streams import stream

KINDS = (
    ("frequency", "一天内多次来电，影响正常工作。"),
    ("attitude", "催收人员态度生硬，要求道歉。"),
    ("third_party", "向家人透露了欠款情况。"),
    ("amount_disputed", "对账单金额有异议，要求重新核算。"),
    ("hours", "在休息时间接到电话。"),
)
CHANNELS = ("hotline", "app", "regulator", "mail")
OUTCOMES = ("upheld", "not_upheld", "withdrawn")
COLUMNS = (
    "complaint_id", "customer_id", "loan_id", "received_at", "channel", "kind", "about", "text", "due_date",
    "closed_at", "outcome",
)  # fmt: skip
SHARE_OF_SPOKEN = 0.004
DAYS_TO_ANSWER = 15


class Complaints:
    """Opens complaints day by day and closes each some days later: the same id again, with its outcome."""

    def __init__(self, loans: Portfolio, customer_ids: pl.Series, collector_ids: pl.Series, seed: int) -> None:
        self._loans, self._customers, self._collectors, self._seed = loans, customer_ids, collector_ids, seed
        self._closing: dict[date, list[dict[str, str | None]]] = {}

    def of_day(self, calls: Calls, day: date) -> Table:
        """New and closed complaints of ``day``."""
        rng = stream(self._seed, "complaints", number_of(day))
        spoken = np.flatnonzero((calls.channel == HUMAN) & (calls.outcome >= THIRD_PARTY))
        chosen = spoken[rng.random(len(spoken)) < SHARE_OF_SPOKEN]
        opened = [self._open(rng, calls, call, number, day) for number, call in enumerate(chosen, start=1)]
        rows = opened + self._closing.pop(day, [])
        return Table("complaints", pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String)))

    def _open(self, rng: np.random.Generator, calls: Calls, call: int, number: int, day: date) -> dict[str, str | None]:
        loan = int(calls.loan[call])
        kind, text = KINDS[int(rng.integers(len(KINDS)))]
        second = int(min(calls.ended[call] + rng.integers(600, 9_000), 86_000))
        row: dict[str, str | None] = {
            "complaint_id": f"Q{day:%Y%m%d}{number:05d}",
            "customer_id": self._customers[int(self._loans.customer[loan])],
            "loan_id": self._loans.loan_id[loan],
            "received_at": _moment(day, second),
            "channel": CHANNELS[int(rng.integers(len(CHANNELS)))],
            "kind": kind,
            "about": self._collectors[int(calls.collector[call])],
            "text": text,
            "due_date": (day + timedelta(days=DAYS_TO_ANSWER)).isoformat(),
            "closed_at": None,
            "outcome": None,
        }
        closed = day + timedelta(days=int(rng.integers(2, DAYS_TO_ANSWER)))
        outcome = OUTCOMES[int(rng.choice(3, p=(0.3, 0.55, 0.15)))]
        self._closing.setdefault(closed, []).append({**row, "closed_at": _moment(closed, 36_000), "outcome": outcome})
        return row


def _moment(day: date, second: int) -> str:
    return f"{day.isoformat()}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}+08:00"
