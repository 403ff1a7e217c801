"""A lender template: how one source's files become standard feeds, as data and never as code.

A template is a YAML file ``data/templates/<name>.yml`` (an installation may add its own under
``<home>/templates``). It holds one or more feed entries; each says which files it reads, how their bytes are
written, and where each standard column comes from. Unknown words are refused, so that a typing error never
becomes a silently missing column. How one column is filled is the matter of ``column_maps``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, StringConstraints, ValidationError, model_validator

from ops_app.config import yaml_of
from ops_app.domain.errors import Invalid, NotFound
from ops_app.domain.organisation.imports import AGENCY_FEEDS
from pipelines.readers.column_maps import ColumnMap, Strict

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
SourceCode = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,15}$")]
Share = Annotated[float, Field(ge=0, le=1)]


class Words(Strict):
    """A sentence in both languages of the house."""

    en: str
    zh: str


# --- how the bytes are written ---------------------------------------------------------------------------------------


class CsvFormat(Strict):
    """Delimited text. With ``header`` the columns are found by name and their order is free, unless ``columns``
    lists them: then the header must be exactly that. Without ``header`` ``columns`` names the positions."""

    delimiter: str = Field(default=",", min_length=1, max_length=4)
    quote: str = Field(default='"', max_length=1)
    escape: str = Field(default='"', max_length=1)
    header: bool = True
    columns: list[str] = []
    skip_rows: int = Field(default=0, ge=0, le=1000)
    """Title lines before the header."""
    trim_header: bool = False
    """Blanks around the names of the header are no part of them."""
    line_end: Literal["lf", "cr", "crcrlf"] = "lf"
    """lf takes \\n and \\r\\n; cr is old Macintosh text; crcrlf is \\r\\r\\n."""
    last_line: Literal["ended", "open", "quarantine"] = "ended"
    """A last line without a line end: refuse the file as cut (ended), take it when its columns are all there
    (open), or quarantine that line as truncated and load the rest (quarantine)."""

    @model_validator(mode="after")
    def _columns_known(self) -> CsvFormat:
        if not self.header and not self.columns:
            raise ValueError("without a header the columns must be listed")
        if len(set(self.columns)) != len(self.columns):
            raise ValueError("a column is listed twice")
        return self


class SheetFormat(Strict):
    """A spreadsheet: the sheet by name or by number from 0, title rows above the header."""

    sheet: str | int = 0
    skip_rows: int = Field(default=0, ge=0, le=1000)


class FileDate(Strict):
    """The date of a file: from its name by ``pattern`` (one group) and ``format``, or one constant date."""

    pattern: str = r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    format: str = "%Y-%m-%d"
    constant: str | None = None


class Trailer(Strict):
    """A control row at the end of the data: its first column is ``marker``; ``rows`` and ``sums`` say at which
    position (from 0) the declared row count and the declared sum of a standard column stand."""

    marker: str = Field(min_length=1)
    rows: int | None = Field(default=None, ge=1)
    sums: dict[Name, int] = {}
    required: bool = True


class Unpivot(Strict):
    """One source row becomes several feed rows. Each entry of ``columns`` is a new source column filled, row by
    row, from the listed source columns; each entry of ``values`` is a new source column of constants. All lists
    are of one length."""

    columns: dict[str, list[str]] = {}
    values: dict[str, list[str]] = {}

    @model_validator(mode="after")
    def _one_length(self) -> Unpivot:
        if len({len(part) for part in (*self.columns.values(), *self.values.values())}) != 1:
            raise ValueError("all lists of an unpivot have one length")
        return self


class KeepRows(Strict):
    """Only rows whose source ``column`` is one of ``values`` (or, with ``not_values``, none of them) belong to this
    feed. The others are listed in quarantine as ``not_of_this_feed``, discarded, and never count as refused."""

    column: str
    values: list[str] = []
    not_values: list[str] = []

    @model_validator(mode="after")
    def _one_list(self) -> KeepRows:
        if bool(self.values) == bool(self.not_values):
            raise ValueError("either values or not_values")
        return self


FORMATS = Literal["by_suffix", "csv", "xlsx", "parquet", "jsonl", "mt940", "camt"]


class FeedMap(Strict):
    """One standard feed of one source. ``name`` tells two entries of the same feed apart."""

    feed: Name
    name: Name | None = None
    files: list[str] = []
    """Glob patterns of file names, without folder and without .gz/.zst; empty means ``<feed>_*``."""
    file_date: FileDate = FileDate()
    format: FORMATS = "by_suffix"
    encoding: str = "auto"
    """A Python codec name, or auto: strict UTF-8, else strict GB18030, else refused."""
    csv: CsvFormat = CsvFormat()
    sheet: SheetFormat = SheetFormat()
    timezone: str | None = None
    """Zone of moments written without one; else the template's."""
    same_names: bool = False
    """Every standard column not mapped is read from the source column of the same name, where there is one."""
    extra_columns: Literal["ignore", "refuse"] = "ignore"
    columns: dict[Name, ColumnMap] = {}
    required: list[Name] = []
    """Standard columns this source must always fill, beyond those the feed requires."""
    unpivot: Unpivot | None = None
    keep_rows: list[KeepRows] = []
    trailer: Trailer | None = None
    repeated_header: bool = True
    max_refused_share: Share | None = None
    """None: the feed's own (0 for repayments and bank lines, 0.01 otherwise)."""

    @property
    def patterns(self) -> list[str]:
        return self.files or [f"{self.feed}_*"]

    @property
    def label(self) -> str:
        return self.name or self.feed


class Template(Strict):
    """The whole mapping of one source. ``template`` is the file's own name."""

    template: Name
    source_code: SourceCode
    lender: Words
    timezone: str = "Asia/Shanghai"
    notes: Words | None = None
    for_agencies: bool = False
    """Agencies bring their own files through it; ``source_code`` gives way to that of the agency."""
    feeds: list[FeedMap] = Field(min_length=1)

    @model_validator(mode="after")
    def _labels_differ(self) -> Template:
        labels = [feed.label for feed in self.feeds]
        if len(set(labels)) != len(labels):
            raise ValueError("two entries have the same name; give one of them 'name'")
        foreign = sorted({feed.feed for feed in self.feeds} - AGENCY_FEEDS) if self.for_agencies else []
        if foreign:
            raise ValueError(
                f"agencies do not bring {', '.join(foreign)}; they bring {', '.join(sorted(AGENCY_FEEDS))}"
            )
        return self

    def entry(self, label: str) -> FeedMap:
        """The entry called ``label`` (its ``name``, else its feed)."""
        for feed in self.feeds:
            if feed.label == label:
                return feed
        known = ", ".join(feed.label for feed in self.feeds)
        raise NotFound(
            f"Template {self.template} has no feed {label}; it has {known}.",
            f"模板 {self.template} 没有数据源 {label}；现有：{known}。",
        )


def load_template(name: str, folders: Iterable[Path]) -> Template:
    """The template ``name`` from the first folder that has it; refuses what the model does not know."""
    for folder in folders:
        path = folder / f"{name}.yml"
        if re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name, re.ASCII) and path.is_file():
            return parse_template(path.read_text(encoding="utf-8"), name)
    raise NotFound(f"There is no template {name}.", f"没有名为 {name} 的模板。")


def parse_template(text: str, name: str) -> Template:
    """A template from YAML text; every error names the place in the file."""
    try:
        template = Template.model_validate(yaml_of(text))
    except (ValidationError, yaml.YAMLError) as error:
        raise Invalid(f"Template {name} is not valid: {error}", f"模板 {name} 无效：{error}") from error
    if template.template != name:
        raise Invalid(
            f"Template {name} calls itself {template.template}.", f"模板 {name} 内写的名称是 {template.template}。"
        )
    return template
