"""Kinds of messages: the service that handles each registers itself when it is imported."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ops_app.domain.organisation.messages import MessageKind, MessageState, WhyHeld
from ops_app.domain.organisation.people import Actor
from ops_app.store.store import Store

MODULES: tuple[str, ...] = (
    "ops_app.services.casework.customer_messages",
    "ops_app.services.casework.loan_messages",
    "ops_app.services.ledger.instalment_messages",
    "ops_app.services.ledger.payment_messages",
)
"""The services that handle messages. An area that handles a kind adds itself here."""


@dataclass(frozen=True)
class Content:
    """One message to be handled. Of one call all are of different loans (or customers: ``loan_id`` is the line)."""

    number: int
    source_code: str
    message_id: str
    loan_id: str
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What became of a message: ``done`` with what it did, ``parked`` with what it waits for, or ``dead``; ``en`` and
    ``zh`` say why in words that hold no personal datum."""

    state: MessageState
    did: str | None = None
    why: WhyHeld | None = None
    en: str = ""
    zh: str = ""
    waits_for: str | None = None


Handle = Callable[[Actor, Store, datetime, Sequence[Content], Path], Sequence[Outcome]]
"""(actor, store, now, messages, folder of evidence) → an outcome of each. Handling a message again changes nothing."""


@dataclass(frozen=True)
class Handler:
    """``subject`` names what the body of a message brings (a payment's id), for those that wait for it."""

    handle: Handle
    subject: Callable[[Mapping[str, Any]], str | None]


HANDLERS: dict[MessageKind, Handler] = {}
"""Kind → handler, for those whose service was imported; ``handlers()`` imports all."""


def register(kind: MessageKind, handle: Handle, subject: Callable[[Mapping[str, Any]], str | None]) -> None:
    """Say what handles a kind; called once, at import. Raises ``LookupError`` for a kind that has a handler."""
    if kind in HANDLERS:
        raise LookupError(f"messages of kind {kind.value} have a handler already")
    HANDLERS[kind] = Handler(handle, subject)


@functools.cache
def _imported() -> None:
    for module in MODULES:
        importlib.import_module(module)


def handlers() -> Mapping[MessageKind, Handler]:
    """The handler of every kind."""
    _imported()
    return HANDLERS


def dead(why: WhyHeld, en: str, zh: str) -> Outcome:
    """A message that cannot be handled as it is."""
    return Outcome(MessageState.DEAD, why=why, en=en, zh=zh)


def done(did: str) -> Outcome:
    """A message that did what it says."""
    return Outcome(MessageState.DONE, did=did)
