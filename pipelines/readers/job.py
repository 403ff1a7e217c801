"""What goes into the reading process and what comes out of it, as plain JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from pipelines.readers.templates import FeedMap
from pipelines.sql_words import literal

DECIDED, DUPLICATES, REJECTS, SHIFTS, RESULT = (
    "decided.parquet",
    "duplicates.parquet",
    "rejects.parquet",
    "shifts.parquet",
    "result.json",
)
"""Files the reading process leaves in its work folder."""


class Declared(BaseModel):
    """Control totals a sender gave beside the file: number of rows, and sums by standard column in major units."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: int | None = None
    sums: dict[str, str] = {}
    unreadable: bool = False
    """There is a control file, but it is not what a control file should be."""


class Job(BaseModel):
    """One file to read with one template entry. ``work`` is an empty folder of this job alone."""

    model_config = ConfigDict(frozen=True)

    path: Path
    file_name: str
    file_date: str
    entry: FeedMap
    zone: str
    work: Path
    declared: Declared = Declared()
    memory_limit: str = "1200MB"
    threads: int = 2


class CheckCount(BaseModel):
    """How many rows one check refused."""

    code: str
    column: str | None
    kind: str
    refused: int = 0


class Result(BaseModel):
    """What reading came to. ``refused`` holds the code of a refusal of the whole file, else None.

    ``rows_in = accepted + quarantined`` whatever happened; ``unread`` counts quarantined rows that never became
    columns (ragged, broken, or lines of a file refused before parsing).
    """

    refused: str | None = None
    reason_en: str = ""
    reason_zh: str = ""
    format: str = ""
    encoding: str = ""
    rows_in: int = 0
    accepted: int = 0
    quarantined: int = 0
    unread: int = 0
    line_base: int = 1
    has_lines: bool = False
    has_shifts: bool = False
    has_duplicates: bool = False
    decided: bool = False
    checks: list[CheckCount] = []
    sum_column: str | None = None
    sum_minor: int | None = None
    declared_rows: int | None = None
    declared_sum_minor: int | None = None
    found_sum: str | None = None
    """The sum of ``sum_column`` over all rows in the declared sum's own unit, where one was declared."""


@dataclass(frozen=True)
class Work:
    """Paths inside a job's folder, and the relation of its decided rows."""

    folder: Path
    result: Result = field(default_factory=Result)

    def path(self, file: str) -> str:
        return literal(str(self.folder / file))

    def decided(self) -> str:
        """SQL of the decided rows with ``line_no`` and ``ordinal`` (place in the file, from 0)."""
        source = f"read_parquet({self.path(DECIDED)}, file_row_number = true)"
        if self.result.has_lines and not self.result.has_shifts:
            return f"(select * rename (__line_no as line_no, file_row_number as ordinal) from {source})"
        if self.result.has_lines:
            # rows of delimited text that were numbered for their template: rows that could not be split lie between
            return (
                f"(select d.* exclude (__line_no) rename (file_row_number as ordinal),"
                f" __line_no + coalesce(s.shift, 0) as line_no"
                f" from {source} d asof left join read_parquet({self.path(SHIFTS)}) s"
                f" on d.__line_no - {self.result.line_base} >= s.threshold)"
            )
        line = f"file_row_number + {self.result.line_base}"
        if self.result.has_shifts:
            return (
                f"(select d.* rename (file_row_number as ordinal), d.{line} + coalesce(s.shift, 0) as line_no"
                f" from {source} d asof left join read_parquet({self.path(SHIFTS)}) s"
                f" on d.file_row_number >= s.threshold)"
            )
        return f"(select * rename (file_row_number as ordinal), {line} as line_no from {source})"

    def accepted(self) -> str:
        """SQL of the decided rows that are accepted."""
        where = "row_hash is not null"  # only accepted rows have one; the lists of failed checks are dear to read
        if self.result.has_duplicates:
            where += f" and ordinal not in (select ordinal from read_parquet({self.path(DUPLICATES)}))"
        return f"(select * from {self.decided()} where {where})"
