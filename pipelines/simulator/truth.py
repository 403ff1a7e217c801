"""What the feeds do not say, kept outside the inbound folder for later tests: hidden traits, promises, movements."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from pipelines.simulator.contacts import Promises
from pipelines.simulator.parameters import AGENCIES
from pipelines.simulator.portfolio import IN_HOUSE, Portfolio, Staff
from pipelines.simulator.texts import rows_of


class Truth:
    """Writes ``truth.parquet`` (a row per loan), ``collectors.parquet``, ``promises.parquet`` and ``movements/``."""

    def __init__(self, folder: Path, loans: Portfolio, staff: Staff) -> None:
        self.folder, self._loans, self._staff = folder, loans, staff
        self._promises: list[pl.DataFrame] = []
        (folder / "movements").mkdir(parents=True, exist_ok=True)

    def movements(
        self, day: date, interest: np.ndarray, fees: np.ndarray, penalty: np.ndarray, waived: np.ndarray,
        excess: np.ndarray,
    ) -> None:  # fmt: skip
        """Cents charged, waived and overpaid on each loan that moved otherwise than by a payment.

        Balance at the close = balance before + interest + fees + penalty − waived − payments + reversals + excess.
        """
        rows = np.flatnonzero(interest | fees | penalty | waived | excess)
        frame = pl.DataFrame(
            {
                "loan_id": rows_of(self._loans.loan_id, rows),
                "interest": interest[rows],
                "fees": fees[rows],
                "penalty": penalty[rows],
                "waived": waived[rows],
                "excess": excess[rows],
            }
        )
        frame.write_parquet(self.folder / "movements" / f"{day}.parquet", compression="zstd", compression_level=1)

    def promises(self, promised: pl.DataFrame, promises: Promises) -> None:
        """What each borrower of the day's promises privately intends."""
        intents = promised.select("promise_id", "loan_id").with_columns(pl.Series("means_to_keep", promises.kept))
        self._promises.append(intents)

    def close(self) -> None:
        """Write what was collected."""
        loans, staff = self._loans, self._staff
        codes = [code for code, _ in AGENCIES]
        traits = pl.DataFrame(
            {
                "loan_id": loans.loan_id,
                "propensity": loans.propensity,
                "reach": loans.reach,
                "dead_number": loans.dead_number,
                "agency_code": [codes[index] for index in loans.agency],
                "in_house_collector_id": rows_of(
                    staff.collector_id, staff.seat(np.full(loans.size, IN_HOUSE), loans.desk)
                ),
                "agency_collector_id": rows_of(staff.collector_id, staff.seat(loans.agency, loans.desk)),
            }
        )
        traits.write_parquet(self.folder / "truth.parquet", compression="zstd", compression_level=1)
        skills = pl.DataFrame({"collector_id": staff.collector_id, "skill": staff.skill})
        skills.write_parquet(self.folder / "collectors.parquet")
        if self._promises:
            pl.concat(self._promises).write_parquet(self.folder / "promises.parquet")
