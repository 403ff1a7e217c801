"""The few kinds of refusal. Each concrete error lives beside the rule that raises it.

Every error carries the sentence shown to the person, in English and in 中文.
"""

from __future__ import annotations

from collections.abc import Mapping


class DomainError(Exception):
    """Something the house refuses; ``en`` and ``zh`` are sentences a person can act on."""

    def __init__(self, en: str, zh: str, *, field: str | None = None) -> None:
        super().__init__(en)
        self.en = en
        self.zh = zh
        self.field = field

    def sentence(self, language: str) -> str:
        """The refusal in ``language`` (``zh`` or ``en``)."""
        return self.zh if language.startswith("zh") else self.en


class SomeOfMany:
    """What a refusal of many things at once has beside its kind: each thing that was refused (by id) and why."""

    refused: Mapping[str, DomainError]


class Refused(DomainError):
    """The actor may not do this; says who may and why."""


class Invalid(DomainError):
    """An input is wrong; ``field`` names it."""


class Conflict(DomainError):
    """The thing changed since it was read, or the same key came with other content."""


class NotFound(DomainError):
    """No such thing within the actor's reach; the same answer for missing and foreign."""


class NotReady(DomainError):
    """A check that this decision needs is not green; names the check (R0.4)."""
