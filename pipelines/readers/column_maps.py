"""Where one standard column of a template comes from, what is done to its text, and how it is written.

How a column is filled: exactly one *source* (``from``, ``join``, ``first_of``, ``hash``, ``sum``, ``add_months``,
``constant``, ``file``), then ``transforms`` in order, then ``null_values``, then ``codes``, then the strict
grammar of the column's type (with ``formats`` for dates and moments and ``amount`` for money), then ``default``.
A column filled by ``default`` or marked ``imputed`` is named in the row's ``imputed_columns``.
"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

_FORMAT_WORDS = re.compile(r"%(-?[dmHMSI]|[YybBfjp%])")


class Strict(BaseModel):
    """Unknown words are errors; a loaded template never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


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
