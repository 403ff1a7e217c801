"""Names and texts as SQL takes them, whatever characters they hold."""

from __future__ import annotations


def quoted(name: str) -> str:
    """An identifier as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text constant as SQL takes it."""
    return "'" + text.replace("'", "''") + "'"
