"""SQLAlchemy spells a statement once a process, not once for each store of each test.

What it keeps is kept for each engine, and every test opens a store of its own: a third of the time of such a test went
into spelling the same statements again. All engines of one dialect share what they keep here.
"""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.engine import Engine

_kept: dict[tuple[Any, ...], Any] = {}


class _OfAnyEngine:
    """As much of SQLAlchemy's cache as it uses itself; the dialect of a key, its first part, by its name."""

    def __init__(self, dialect: Any) -> None:
        self._of = (dialect.name, dialect.driver, dialect.paramstyle)

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        return _kept.get((self._of, *key[1:]), default)

    def __setitem__(self, key: tuple[Any, ...], made: Any) -> None:
        _kept[self._of, *key[1:]] = made

    def clear(self) -> None:
        """Other engines may need what is there."""


def share(patched: pytest.MonkeyPatch) -> None:
    """From now on every engine that is made shares what is spelt."""
    begin = Engine.__init__

    def begun(self: Engine, *args: Any, **kwargs: Any) -> None:
        begin(self, *args, **kwargs)
        if self._compiled_cache is not None:
            self._compiled_cache = _OfAnyEngine(self.dialect)  # type: ignore[assignment]

    patched.setattr(Engine, "__init__", begun)
