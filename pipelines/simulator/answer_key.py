"""What was planted, where, and which control must find it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

FILE_NAME = "answer_key.json"


@dataclass(frozen=True)
class PlantedFault:
    """One planted fault. ``file`` is relative to the inbound folder; ``line`` counts from 1, the header being line 1.

    ``control`` says what must find it and ``finding`` by which name: ``break`` (a break kind of the reconciliation),
    ``quarantine`` (a rule that refuses the row), ``file_refused`` (a reason for refusing the whole file),
    ``file_repeated`` (loaded once, counted twice), ``data_health`` (a late or missing feed).
    """

    fault: str
    business_date: date
    """The business date whose run must find it."""
    file: str
    control: str
    finding: str
    effect_en: str
    effect_zh: str
    line: int | None = None
    loan_id: str | None = None
    payment_id: str | None = None
    bank_line_id: str | None = None
    rows: int = 1
    """Rows concerned (a whole file may be)."""
    deliver_on: date | None = None


@dataclass(frozen=True)
class AnswerKey:
    """How a run was made, what its honest rows amount to, and the faults planted on top of them.

    ``rows`` counts the unplanted rows by feed; ``cents`` sums their money columns by feed and column.
    """

    seed: int
    loans: int
    days: int
    first_date: date
    end_date: date
    rows: Mapping[str, int] = field(default_factory=dict)
    cents: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    faults: tuple[PlantedFault, ...] = ()

    def of(self, fault: str) -> tuple[PlantedFault, ...]:
        """The plants of one name."""
        return tuple(planted for planted in self.faults if planted.fault == fault)

    @classmethod
    def load(cls, path: Path) -> AnswerKey:
        """Read a key written by ``write_answer_key``; ``path`` is the file or its folder."""
        file = path / FILE_NAME if path.is_dir() else path
        known = json.loads(file.read_text(encoding="utf-8"))
        faults = tuple(PlantedFault(**_with_dates(fault, ("business_date", "deliver_on"))) for fault in known["faults"])
        return cls(**{**_with_dates(known, ("first_date", "end_date")), "faults": faults})


def write_answer_key(key: AnswerKey, path: Path) -> Path:
    """Write ``key`` as JSON, the same bytes for the same key; returns the file."""
    file = path / FILE_NAME if path.is_dir() else path
    text = json.dumps(asdict(key), ensure_ascii=False, indent=1, sort_keys=True, default=date.isoformat)
    file.write_text(text + "\n", encoding="utf-8")
    return file


def _with_dates(values: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {
        name: date.fromisoformat(value) if name in names and isinstance(value, str) else value
        for name, value in values.items()
    }
