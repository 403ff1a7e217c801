"""Numbers that a file holds as numbers (Parquet): read exactly, without a detour through text."""

from __future__ import annotations

WHOLE_NUMBERS = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "HUGEINT",
)
"""DuckDB's types of whole numbers."""


def minor_of_number(kind: str, me: str) -> str | None:
    """The amount ``me``, a number of major units of DuckDB's type ``kind``, as SQL in minor units; null where it is
    out of reach or has parts of a minor unit. None where ``kind`` is not exact."""
    scale: int | None = None
    if kind in WHOLE_NUMBERS:
        wide = f"{me}::hugeint * 100"
    elif kind.startswith("DECIMAL"):
        width, scale = (int(part) for part in kind[8:-1].split(","))
        if scale > 2 and width + 2 > 38:
            return None
        wide = f"{me}::decimal(38,{scale}) * 100" if width > 16 else f"{me}::decimal(18,{scale}) * 100"
    else:
        return None
    fits = f"{me} > -1000000000000000 and {me} < 1000000000000000"
    whole = (
        f" and {wide} = round({wide}, 0)"
        if kind.startswith("DECIMAL") and not kind.endswith(("0)", "1)", "2)"))
        else ""
    )
    # up to ten million million the product fits eight bytes, which is many times quicker than sixteen
    quick = (
        f"when {me} between -9999999999999 and 9999999999999"
        f" then ({me}::decimal(15,{scale}) * 100::decimal(3,0))::bigint "
        if scale is not None and scale <= 2
        else ""
    )
    return f"case {quick}when {fits}{whole} then ({wide})::bigint end"
