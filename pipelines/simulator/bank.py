"""The bank's side: a line for each transfer, one line a day for every other channel, booked on working days only."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from pipelines.simulator import parameters as p
from pipelines.simulator.days import next_workday, number_of
from pipelines.simulator.files import Table
from pipelines.simulator.streams import stream

COLUMNS = {
    "account": pl.String, "line_id": pl.String, "booked_date": pl.String, "value_date": pl.String, "amount": pl.Int64,
    "currency": pl.String, "direction": pl.String, "counterparty_name": pl.String, "counterparty_account": pl.String,
    "reference": pl.String,
}  # fmt: skip
CLEARERS = {"auto_debit": "代扣清算专户", "alipay": "支付宝清算专户", "wechat": "微信支付清算专户"}


class Bank:
    """Collects what the lender posted and gives the statement of each day; what waits is booked on the next workday."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._waiting: list[pl.DataFrame] = []

    def receive(self, repayments: pl.DataFrame, day: date) -> None:
        """Take the money events of ``day`` (amounts in cents)."""
        events = repayments.with_columns(
            direction=pl.when(pl.col("kind") == "payment").then(pl.lit("in")).otherwise(pl.lit("out"))
        )
        single = events.filter(pl.col("channel") == p.CHANNELS[p.TRANSFER])
        lazy = stream(self._seed, "references", number_of(day)).random(single.height) < p.LAZY_REFERENCES
        lazy &= (single["kind"] == "payment").to_numpy()
        lines = single.select(
            pl.col("value_date", "amount", "direction"),
            pl.col("payer_name").alias("counterparty_name"),
            pl.col("payer_account").alias("counterparty_account"),
            pl.when(pl.Series(lazy, dtype=pl.Boolean))
            .then(pl.lit("还款 ") + pl.col("loan_id"))
            .otherwise(pl.col("reference"))
            .alias("reference"),
        )
        batches = (
            events.filter(pl.col("channel") != p.CHANNELS[p.TRANSFER])
            .group_by("value_date", "channel", "direction", "reference")
            .agg(pl.col("amount").sum())
            .sort("channel", "direction", "reference")
            .select(
                pl.col("value_date", "amount", "direction"),
                pl.col("channel").replace_strict(CLEARERS, return_dtype=pl.String).alias("counterparty_name"),
                pl.lit(None, dtype=pl.String).alias("counterparty_account"),
                pl.col("reference"),
            )
        )
        self._waiting.append(pl.concat([lines, batches]))

    def statement(self, day: date) -> Table:
        """The lines booked on ``day``: none on a day on which banks do not book."""
        if next_workday(day) != day:
            return Table("bank_lines", pl.DataFrame(schema=COLUMNS), ("amount",))
        lines = pl.concat(self._waiting) if self._waiting else pl.DataFrame(schema=COLUMNS)
        self._waiting = []
        number = pl.Series(np.arange(1, lines.height + 1)).cast(pl.String).str.zfill(6)
        frame = lines.with_columns(
            account=pl.lit(p.COLLECTION_ACCOUNT),
            line_id=f"B{day:%Y%m%d}" + number,
            booked_date=pl.lit(day.isoformat()),
            currency=pl.lit(p.CURRENCY),
        ).select(list(COLUMNS))
        return Table("bank_lines", frame, ("amount",))
