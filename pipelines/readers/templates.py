"""A lender template: how one source's files become standard feeds, as data and never as code.

A template is a YAML file ``data/templates/<name>.yml`` (an installation may add its own under
``<home>/templates``). It holds one or more feed entries; each says which files it reads, how their bytes are
written, and where each standard column comes from. Unknown words are refused, so that a typing error never
becomes a silently missing column.

How a column is filled: exactly one *source* (``from``, ``join``, ``first_of``, ``hash``, ``sum``, ``add_months``,
``constant``, ``file``), then ``transforms`` in order, then ``null_values``, then ``codes``, then the strict
grammar of the column's type (with ``formats`` for dates and moments and ``amount`` for money), then ``default``.
A column filled by ``default`` or marked ``imputed`` is named in the row's ``imputed_columns``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from ops_app.domain.errors import Invalid, NotFound
from ops_app.domain.organisation.imports import AGENCY_FEEDS

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
SourceCode = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,15}$")]
Share = Annotated[float, Field(ge=0, le=1)]
_FORMAT_WORDS = re.compile(r"%(-?[dmHMSI]|[YybBfjp%])")


class Strict(BaseModel):
    """Unknown words are errors; a loaded template never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Words(Strict):
    """A sentence in both languages of the house."""

    en: str
    zh: str


# --- where a column comes from ---------------------------------------------------------------------------------------


class Join(Strict):
    """Several source columns written one after another, e.g. a date column and a time column."""

    columns: list[str] = Field(min_length=1)
    separator: str = ""
    empty: Literal["null", "keep"] = "null"
    """null: one empty part makes the whole empty; keep: an empty part is joined as nothing."""


class Sum(Strict):
    """Amounts or whole numbers added and subtracted; a null counts as zero, all null gives null."""

    add: list[str] = Field(min_length=1)
    subtract: list[str] = []


class AddMonths(Strict):
    """A date moved by whole months: an offset from a base (``base: file_date`` or ``2020-01-31``), or a term
    from a start column (``from: issue_d``). ``months`` is a source column or a whole number."""

    from_: str | None = Field(default=None, alias="from")
    base: str | None = None
    months: str | int
    day: Literal["same", "month_start", "month_end"] = "same"

    @model_validator(mode="after")
    def _one_start(self) -> AddMonths:
        if (self.from_ is None) == (self.base is None):
            raise ValueError("add_months takes either 'from' (a source column) or 'base' (file_date or a date)")
        if self.base not in (None, "file_date") and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", self.base or "", re.ASCII):
            raise ValueError("base is 'file_date' or a date yyyy-mm-dd")
        return self


# --- what is done to the text ----------------------------------------------------------------------------------------


class Replace(Strict):
    find: str = Field(min_length=1)
    with_: str = Field(alias="with")


class Pad(Strict):
    length: int = Field(ge=1, le=64)
    with_: str = Field(alias="with", min_length=1, max_length=1)


class Transform(Strict):
    """One named step on the text; exactly one word is set. The plain words may be written as a bare string.

    trim · upper · lower · digits (keep 0-9 only) · collapse_spaces · strip_prefix: x · strip_suffix: x · remove: x ·
    before: x (the part before the first x; all of it when x is absent) · after: x · replace: {find, with} ·
    pad_left: {length, with} · extract: pattern (RE2, first group or null) · multiply: n (whole numbers only)
    """

    trim: bool | None = None
    upper: bool | None = None
    lower: bool | None = None
    digits: bool | None = None
    collapse_spaces: bool | None = None
    strip_prefix: str | None = None
    strip_suffix: str | None = None
    remove: str | None = None
    before: str | None = None
    after: str | None = None
    replace: Replace | None = None
    pad_left: Pad | None = None
    extract: str | None = None
    multiply: int | None = None

    @model_validator(mode="before")
    @classmethod
    def _bare_word(cls, given: object) -> object:
        return {given: True} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _one_word(self) -> Transform:
        if sum(value is not None for _, value in self) != 1:
            raise ValueError("a transform is one word of the vocabulary")
        return self

    @property
    def word(self) -> str:
        return next(word for word, value in self if value is not None)


class NegativeWhen(Strict):
    """The amount is negative in rows where ``column`` holds one of ``values`` (debit/credit columns)."""

    column: str
    values: list[str] = Field(min_length=1)


class AmountFormat(Strict):
    """How money is written. Nothing is ever rounded unless ``decimals: half_up`` declares it (then the column is
    named in ``imputed_columns`` of the rows that were rounded); ``float_noise`` takes binary dust of at most a
    hundred-thousandth of a minor unit off and refuses anything more."""

    decimal: Literal[".", ","] = "."
    thousands: Literal["", ",", ".", " ", "'"] = ""
    unit: Literal["major", "minor", "wan"] = "major"
    """major = yuan, minor = cents, wan = 万 (ten thousand yuan)."""
    negative: Literal["leading", "trailing", "parentheses"] = "leading"
    allow_plus: bool = False
    sign: Literal["keep", "negate", "absolute"] = "keep"
    negative_when: NegativeWhen | None = None
    decimals: Literal["exact", "float_noise", "half_up"] = "exact"

    @property
    def is_plain(self) -> bool:
        """Major units with a point and a leading minus: read as it stands."""
        return (self.decimal, self.thousands, self.unit, self.negative, self.allow_plus, self.decimals) == (
            ".", "", "major", "leading", False, "exact",
        )  # fmt: skip

    @model_validator(mode="after")
    def _separators_differ(self) -> AmountFormat:
        if self.decimal == self.thousands:
            raise ValueError("decimal and thousands separators must differ")
        return self


class ColumnMap(Strict):
    """Where one standard column comes from and how it is written. A bare string in YAML means ``from: <string>``."""

    from_: str | None = Field(default=None, alias="from")
    join: Join | None = None
    first_of: list[str] | None = None
    """The first source column that is not empty."""
    hash: list[str] | None = None
    """A natural key: ``nk_`` and 32 hexadecimal digits of the SHA-256 over the columns, length-prefixed."""
    sum: Sum | None = None
    add_months: AddMonths | None = None
    constant: str | None = None
    file: Literal["date", "name", "line", "month_start", "month_end"] | None = None
    """What the file itself says. ``line`` is ``<file name>:<line>``, for rows that have no id of their own."""

    optional: bool = False
    """The source column may be absent from the file; the standard column is then null."""
    transforms: list[Transform] = []
    null_values: list[str] = []
    codes: dict[str, str | None] = {}
    codes_else: Literal["refuse", "keep", "null"] = "refuse"
    formats: list[str] = []
    """Dates and moments: strptime words %Y %y %m %-m %d %-d %b %B %H %-H %M %S %f %I %p, tried in order. Empty: ISO."""
    two_digit_years_from: int = Field(default=1970, ge=1800, le=2100)
    """%y is the year of the hundred years beginning here."""
    day: Literal["as_given", "month_start", "month_end"] = "as_given"
    timezone: str | None = None
    amount: AmountFormat = AmountFormat()
    default: str | None = None
    imputed: bool = False
    """Every value of this column is ours, not the sender's (an invented date, an assumed currency)."""

    @model_validator(mode="before")
    @classmethod
    def _bare_column(cls, given: object) -> object:
        return {"from": given} if isinstance(given, str) else given

    @field_validator("codes", mode="before")
    @classmethod
    def _codes_are_text(cls, given: object) -> object:
        if isinstance(given, dict) and any(not isinstance(key, str) for key in given):
            raise ValueError("write code keys in quotes: YAML reads bare 0, no or on as something else")
        return given

    @field_validator("formats")
    @classmethod
    def _known_words(cls, formats: list[str]) -> list[str]:
        for text in formats:
            if "%" in _FORMAT_WORDS.sub("", text):
                raise ValueError(f"{text!r} holds a format word that is not in the vocabulary")
        return formats

    @model_validator(mode="after")
    def _one_source(self) -> ColumnMap:
        given = [word for word in ("from_", *SOURCE_WORDS) if getattr(self, word) is not None]
        if len(given) != 1:
            raise ValueError(f"a column has exactly one of from, {', '.join(SOURCE_WORDS)}; here {given or 'none'}")
        return self

    def source_columns(self) -> list[str]:
        """Every source column this mapping reads."""
        names: list[str] = [self.from_] if self.from_ else []
        names += self.first_of or self.hash or (self.join.columns if self.join else [])
        if self.sum:
            names += self.sum.add + self.sum.subtract
        if self.add_months:
            names += [self.add_months.from_] if self.add_months.from_ else []
            names += [self.add_months.months] if isinstance(self.add_months.months, str) else []
        if self.amount.negative_when:
            names.append(self.amount.negative_when.column)
        return names


SOURCE_WORDS = ("join", "first_of", "hash", "sum", "add_months", "constant", "file")


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
        template = Template.model_validate(yaml.safe_load(text))
    except (ValidationError, yaml.YAMLError) as error:
        raise Invalid(f"Template {name} is not valid: {error}", f"模板 {name} 无效：{error}") from error
    if template.template != name:
        raise Invalid(
            f"Template {name} calls itself {template.template}.", f"模板 {name} 内写的名称是 {template.template}。"
        )
    return template
