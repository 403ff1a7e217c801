"""What stands where a value would that its reader may not see."""

from __future__ import annotations

from typing import Any


class Hidden(str):
    """What stands where an amount would. It reads ``hidden``; what is added to it, or it to, is hidden too, and it is
    compared with no number: whoever forgets it gets an error and never a figure."""

    __slots__ = ()

    def _stays(self, _other: object) -> Any:
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = _stays
    __mul__ = __rmul__ = _stays

    def __neg__(self) -> Any:
        return self

    def _no_number(self, other: object) -> bool:
        raise TypeError(f"an amount that is hidden is not compared with {type(other).__name__}")

    __lt__ = __le__ = __gt__ = __ge__ = _no_number

    def __copy__(self) -> Hidden:
        return self

    def __deepcopy__(self, _memo: object) -> Hidden:
        return self


HIDDEN = Hidden("hidden")

HIDDEN_NAMES = ("hidden", "已隐藏")
"""How a person reads it, in English and 中文."""
