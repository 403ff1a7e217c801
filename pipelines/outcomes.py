"""What became of a file: counts, the reason of a refusal, the commonest reasons of refused rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date


@dataclass(frozen=True)
class Reason:
    """Why rows were quarantined: one rule and how many rows it was the first reason for."""

    rule: str
    en: str
    zh: str
    count: int


@dataclass(frozen=True)
class FileOutcome:
    """What became of one file for one feed. ``state``: accepted, refused, or repeated (known already, nothing done)."""

    file_id: str
    file_name: str
    template: str
    feed: str
    entry: str
    file_date: date
    state: str
    rows_in: int = 0
    rows_accepted: int = 0
    rows_quarantined: int = 0
    rows_repeated: int = 0
    """Accepted rows that were known already, with equal content."""
    reason: str = ""
    reason_en: str = ""
    reason_zh: str = ""
    top_reasons: tuple[Reason, ...] = ()

    @property
    def why(self) -> str:
        """One line for a table: why the file was refused, or why rows were, the commonest first."""
        told = [self.reason_en] if self.reason_en else []
        told += [f"{reason.count:,} × {reason.rule}" for reason in self.top_reasons]
        return "; ".join(told)

    def as_dict(self) -> dict[str, object]:
        """For ``--json``."""
        return {**asdict(self), "file_date": self.file_date.isoformat(), "why": self.why}
