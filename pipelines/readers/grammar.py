"""Strict grammars as DuckDB SQL: text in, typed value or null out. Never a float for money, never a guess.

Each function takes an SQL expression of type VARCHAR and returns an SQL expression that is null wherever the text is
not exactly of the grammar. The quick branch of each is a cast whose result, written out again, must equal the text
(a proof that nothing was read into it); only what differs is looked at by a regular expression over ASCII.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

from ops_app.domain import money
from pipelines.readers.column_maps import AmountFormat
from pipelines.sql_words import literal

WHOLE_UNIT_CURRENCIES = tuple(sorted(money.WHOLE_UNIT_CURRENCIES))
THREE_DIGIT_CURRENCIES = tuple(sorted(money.THREE_DIGIT_CURRENCIES))
"""Sorted, so that the SQL of a file is the same in every process."""

CONTROL_CHARACTERS = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
"""What no row may hold; tab and line ends inside quotes are text."""

UNUSUAL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|^ | $|\| | \||E\+"
"""What a row's texts, joined by ``|``, seldom hold: a control character, a blank at an end, ``E+``. Where one search
finds none of them, no text has any; where it finds one, each text is looked at by itself."""

_MAX_BYTES = {"id": 128, "code": 64, "text": 16000}


def identifier(text: str, usual: str | None = None, *, blanks: bool = True, exponents: bool = True) -> str:
    """Kept character for character. Refused: over 128 bytes, blanks around it, ``1.23E+17`` (a spreadsheet's loss).

    ``usual`` names a boolean column that is true only where ``UNUSUAL`` was not found in the row's texts;
    ``blanks`` and ``exponents`` are false where the file is known to hold none.
    """
    damaged = rf"(contains({text}, 'E+') and regexp_full_match({text}, '[0-9](\.[0-9]+)?E\+[0-9]+'))"
    return _fitting(text, "id", [*_no_blanks(text, blanks), *([f"not {damaged}"] if exponents else [])], usual)


def code(text: str, usual: str | None = None, *, blanks: bool = True) -> str:
    """A code of at most 64 bytes without blanks around it; ``usual`` and ``blanks`` as for ``identifier``."""
    return _fitting(text, "code", _no_blanks(text, blanks), usual)


def _no_blanks(text: str, blanks: bool) -> list[str]:
    return [f"{text} not like ' %'", f"{text} not like '% '"] if blanks else []


def _fitting(text: str, kind: str, conditions: list[str], usual: str | None) -> str:
    short, proper = f"strlen({text}) <= {_MAX_BYTES[kind]}", " and ".join(conditions)
    if usual is None or not proper:
        return f"case when {' and '.join([short, *conditions])} then {text} end"
    # cases, since both sides of an "and" are computed for every row
    return f"case when {short} then case when {usual} then {text} when {proper} then {text} end end"


def free_text(text: str) -> str:
    """At most 16,000 bytes, kept as it is."""
    return f"case when strlen({text}) <= {_MAX_BYTES['text']} then {text} end"


def integer(text: str) -> str:
    """``-?[0-9]{1,18}``."""
    return f"case when regexp_full_match({text}, '-?[0-9]{{1,18}}') then try_cast({text} as bigint) end"


def boolean(text: str) -> str:
    """``true`` or ``1``, ``false`` or ``0``."""
    return f"case when {text} in ('true', '1') then true when {text} in ('false', '0') then false end"


def quick(kind: str, text: str) -> str:
    """The plain cast that the usual way of writing begins with; given to the grammar as ``parsed`` where it stands in
    a column of its own, so that it is done once."""
    return f"try_cast({text} as {({'amount': 'decimal(17,2)', 'date': 'date', 'moment': 'timestamp'})[kind]})"


def amount(text: str, how: AmountFormat, *, whole_units: str | None, parsed: str | None = None) -> str:
    """Minor units as BIGINT. ``whole_units`` is a boolean expression: the row's currency has no decimals (None: never).

    Exact grammar of the house: ``-?[0-9]{1,15}(\\.[0-9]{1,2})?``; more decimals than the currency has are refused,
    never rounded, unless the template declares ``decimals``.
    """
    plain = _plain_amount(text, how)
    if how.unit == "minor":
        read = f"case when regexp_full_match({plain}, '-?[0-9]{{1,17}}') then try_cast({plain} as bigint) end"
    elif how.decimals != "exact":
        read = _approximate(plain, how)
    elif how.unit == "wan":
        read = (
            f"case when regexp_full_match({plain}, '-?[0-9]{{1,11}}(\\.[0-9]{{1,6}})?')"
            f" then cast(try_cast({plain} as decimal(17,6))::decimal(29,6) * 1000000 as bigint) end"
        )
    else:
        money = parsed or quick("amount", plain)
        # up to ten million million the product fits eight bytes, which is many times quicker than sixteen
        # two decimals as usual: a number that is written back the same needs no regular expression, which costs more
        read = (
            f"case when case when cast({money} as varchar) = {plain} then true"
            f" else regexp_full_match({plain}, '-?[0-9]{{1,15}}(\\.[0-9]{{1,2}})?') end then"
            f" case when {money} between -10000000000000 and 10000000000000"
            f" then cast({money}::decimal(18,2) * 100 as bigint)"
            f" else cast({money}::decimal(20,2) * 100 as bigint) end end"
        )
    if how.unit != "minor" and whole_units is not None:
        read = f"case when {whole_units} then (case when ({read}) % 100 = 0 then ({read}) // 100 end) else {read} end"
    return read


def _plain_amount(text: str, how: AmountFormat) -> str:
    """The text with sign at the front, a point and no separators, null where separators stand in wrong places."""
    plain = text
    if how.negative == "parentheses":
        plain = (
            f"(case when {plain} like '(%)' then '-' || {plain}[2:-2] when {plain} like '-%' then null"
            f" else {plain} end)"
        )
    elif how.negative == "trailing":
        plain = (
            f"(case when {plain} like '%-' then '-' || {plain}[:-2] when {plain} like '-%' then null else {plain} end)"
        )
    if how.allow_plus:
        plain = f"(case when {plain} like '+%' and {plain} not like '+-%' then {plain}[2:] else {plain} end)"
    if how.thousands:
        mark, point = _escape(how.thousands), _escape(how.decimal)
        grouped = f"-?[0-9]{{1,3}}({mark}[0-9]{{3}})*({point}[0-9]+)?|-?[0-9]+({point}[0-9]+)?"
        plain = (
            f"(case when regexp_full_match({plain}, {literal(grouped)})"
            f" then replace({plain}, {literal(how.thousands)}, '') end)"
        )
    if how.decimal == ",":
        plain = f"(case when not contains({plain}, '.') then replace({plain}, ',', '.') end)"
    return plain


def _escape(mark: str) -> str:
    return {".": r"\.", "'": "'", " ": " ", ",": ","}[mark]


def _approximate(plain: str, how: AmountFormat) -> str:
    """Numbers that passed through binary floats at the sender: decimal text, perhaps with an exponent."""
    scale = 1_000_000 if how.unit == "wan" else 100
    grammar = r"-?[0-9]{1,15}(\.[0-9]{1,20})?([eE][-+]?[0-9]{1,2})?"
    exact = f"(try_cast({plain} as decimal(30,12)) * {scale})"
    limit = f" and abs({exact}) < 100000000000000000"
    bound = "" if how.decimals == "half_up" else f" and abs({exact} - round({exact}, 0)) <= 0.00001"
    return (
        f"case when regexp_full_match({plain}, {literal(grammar)}){limit}{bound}"
        f" then try_cast(round({exact}, 0) as bigint) end"
    )


def was_rounded(text: str, how: AmountFormat) -> str:
    """True where ``half_up`` really took something away."""
    scale = 1_000_000 if how.unit == "wan" else 100
    exact = f"(try_cast({_plain_amount(text, how)} as decimal(30,12)) * {scale})"
    return f"coalesce({exact} <> round({exact}, 0), false)"


def signed(minor: str, how: AmountFormat, negative: str | None) -> str:
    """The sign rules of the template; ``negative`` is the predicate of ``negative_when``."""
    if how.sign == "absolute":
        minor = f"abs({minor})"
    elif how.sign == "negate":
        minor = f"-({minor})"
    if negative:
        minor = f"case when {negative} then -abs({minor}) else {minor} end"
    return minor


def date(
    text: str, formats: Sequence[str], *, years_from: int = 1970, spreadsheet: bool = False, parsed: str | None = None
) -> str:
    """A DATE. Without formats ISO ``yyyy-mm-dd`` only; a spreadsheet may add ``00:00:00``."""
    if formats:
        return "coalesce(" + ", ".join(_strptime(text, form, years_from) for form in formats) + ")::date"
    if spreadsheet:
        text = f"(case when {text} like '____-__-__ 00:00:00' then {text}[:10] else {text} end)"
        parsed = None
    read = parsed or quick("date", text)
    return f"case when strlen({text}) = 10 and cast({read} as varchar) = {text} then {read} end"


def moment(text: str, formats: Sequence[str], zone: str, *, years_from: int = 1970, parsed: str | None = None) -> str:
    """A TIMESTAMP in UTC. Without formats ``yyyy-mm-dd[ T]hh:mm:ss[.ffffff][Z|±hh:mm]``; no offset means ``zone``."""
    if formats:
        return to_utc("coalesce(" + ", ".join(_strptime(text, form, years_from) for form in formats) + ")", zone)
    read = parsed or quick("moment", text)
    grammar = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
    offset = r"(Z|[-+][0-9]{2}:[0-9]{2})"
    return (
        f"case when strlen({text}) = 19 and cast({read} as varchar) = {text} then {to_utc(read, zone)}"
        f" when regexp_full_match({text}, {literal(grammar)}) then {to_utc(read, zone)}"
        f" when regexp_full_match({text}, {literal(grammar + offset)})"
        f" then timezone('UTC', try_cast({text} as timestamptz)) end"
    )


def _strptime(text: str, form: str, years_from: int) -> str:
    """A TIMESTAMP where the text, parsed and written again in the same format, is the same text."""
    read = f"try_strptime({text}, {literal(form)})"
    if "%y" in form:
        year = f"{years_from} + ((year({read}) - {years_from}) % 100 + 100) % 100"
        shifted = (
            f"try_cast(printf('%04d-%02d-%02d ', {year}, month({read}), day({read})) || strftime({read}, '%H:%M:%S')"
            f" as timestamp)"
        )
        return f"case when strftime({read}, {literal(form)}) = {text} then {shifted} end"
    return f"case when strftime({read}, {literal(form)}) = {text} then {read} end"


def to_utc(local: str, zone: str) -> str:
    """A naive local timestamp of ``zone`` as naive UTC; a plain subtraction where the zone's offset never moves."""
    slow = f"timezone('UTC', timezone({literal(zone)}, {local}))"
    seconds = steady_offset(zone)
    if seconds is None:
        return slow
    if seconds == 0:
        return local
    return (
        f"case when {local} >= timestamp '2000-01-02' and {local} < timestamp '2099-12-31'"
        f" then {local} - interval {seconds} second else {slow} end"
    )


@cache
def steady_offset(zone: str) -> int | None:
    """Seconds east of UTC if the zone keeps one offset from 2000 to 2099, else None."""
    offsets = {
        datetime(year, month, 1, tzinfo=UTC).astimezone(ZoneInfo(zone)).utcoffset()
        for year in range(2000, 2100)
        for month in range(1, 13)
    }
    only = offsets.pop()
    return None if offsets or only is None else int(only.total_seconds())


def from_utc(moment_utc: str, zone: str) -> str:
    """A naive UTC timestamp as naive local time of ``zone``."""
    slow = f"timezone({literal(zone)}, timezone('UTC', {moment_utc}))"
    seconds = steady_offset(zone)
    if seconds is None:
        return slow
    return (
        f"case when {moment_utc} >= timestamp '2000-01-02' and {moment_utc} < timestamp '2099-12-31'"
        f" then {moment_utc} + interval {seconds} second else {slow} end"
    )
