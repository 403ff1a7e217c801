"""The order of the messages of one loan: which of them may be handled now.

A message waits for every earlier one of its loan that is still open, but not for one that is parked: what waits for a
payment that may never come must not keep the payments of the days after from their case, and what is posted does not
depend on the order in which it comes (a case is replayed by value date). A dead letter holds up nothing either.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from ops_app.domain.organisation.messages import MessageState

Line = tuple[str, str]
"""Source and loan: the messages of a line go one after another."""


@dataclass(frozen=True)
class OpenMessage:
    """What the order knows of a message that is not done. ``subject`` is what it brings (a payment's id), ``waits_for``
    what it needs first."""

    number: int
    source_code: str
    loan_id: str
    order_no: int
    state: MessageState
    next_try_at: datetime
    subject: str | None
    waits_for: str | None

    @property
    def line(self) -> Line:
        return (self.source_code, self.loan_id)


class Lines:
    """The open messages of some loans as they are handled, round by round."""

    def __init__(self, messages: Iterable[OpenMessage], now: datetime) -> None:
        self._now = now
        self._lines: dict[Line, list[OpenMessage]] = {}
        for one in sorted(messages, key=lambda one: (one.order_no, one.number)):
            self._lines.setdefault(one.line, []).append(one)

    def heads(self, most: int) -> list[OpenMessage]:
        """The first message of each loan that may be handled now, those received first before others."""
        found = [head for line in self._lines.values() if (head := self._head(line)) is not None]
        return sorted(found, key=lambda one: one.number)[:most]

    def _head(self, line: list[OpenMessage]) -> OpenMessage | None:
        for one in line:
            if one.next_try_at <= self._now:
                return one
            if one.state is not MessageState.PARKED:
                return None
        return None

    def settle(self, number: int, line: Line, left: OpenMessage | None) -> None:
        """The message ``number`` was handled: it is open no more, or open as ``left`` says. Whoever waits for what a
        settled message brought may be tried again."""
        before = self._lines[line]
        gone = next(one for one in before if one.number == number)
        kept = [left if one.number == number and left is not None else one for one in before]
        kept = [one for one in kept if one.number != number or left is not None]
        if left is None and gone.subject is not None:
            kept = [replace(one, next_try_at=self._now) if one.waits_for == gone.subject else one for one in kept]
        self._lines[line] = kept
