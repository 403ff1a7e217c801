"""Reading one file by one template entry, as the pipeline does, without a warehouse."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from ops_app.config import PROJECT_ROOT
from pipelines.readers.envelope import Limits
from pipelines.readers.job import REJECTS, Job, Result, Work
from pipelines.readers.limited import Reader
from pipelines.readers.read import read_job
from pipelines.readers.templates import FeedMap, Template, load_template

_WORK = tempfile.TemporaryDirectory(prefix="reading_")  # removed when the test process ends
TEMPLATES = PROJECT_ROOT / "data" / "templates"


@dataclass
class Reading:
    """The outcome of one file: counts, and SQL over its accepted rows (``accepted``) and refusals (``rejects``)."""

    result: Result
    work: Path

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect() as connection:
            connection.execute("set TimeZone = 'UTC'")
            connection.execute(f"create view rejects as select * from read_parquet('{self.work / REJECTS}')")
            if self.result.decided and self.result.refused is None:
                connection.execute(f"create view accepted as select * from {Work(self.work, self.result).accepted()}")
            return connection.execute(query).fetchall()

    def one(self, query: str) -> tuple[Any, ...]:
        return self.sql(query)[0]

    def reasons(self) -> dict[str, int]:
        """Rule → rows for which it is the first reason. Every quarantined row has exactly one."""
        found = dict(self.sql("select rule, count(*) from rejects where is_primary group by rule"))
        assert sum(found.values()) == self.result.quarantined
        assert not self.sql("select 1 from rejects where reason_en = '' or reason_zh = '' or raw_json is null")
        return found


def template(name: str, folder: Path = TEMPLATES) -> Template:
    return load_template(name, [folder])


def read(
    path: Path,
    entry: FeedMap,
    *,
    file_date: date | str = "2024-01-31",
    zone: str = "Asia/Shanghai",
    file_name: str | None = None,
    reader: Reader | None = None,
    limits: Limits | None = None,
) -> Reading:
    """``path`` read by ``entry``; rows in = accepted + quarantined is held here for every file of every test."""
    work = Path(tempfile.mkdtemp(dir=_WORK.name))
    job = Job(path=path, file_name=file_name or path.name, file_date=str(file_date), entry=entry, zone=zone, work=work)
    result = reader.read(job) if reader else read_job(job, limits or Limits())
    assert result.rows_in == result.accepted + result.quarantined, path
    return Reading(result, work)


def read_by_template(path: Path, name: str, label: str, *, file_date: date | str, **more: Any) -> Reading:
    """``path`` read by the entry ``label`` of the template ``name``."""
    found = template(name)
    return read(path, found.entry(label), file_date=file_date, zone=found.timezone, **more)
