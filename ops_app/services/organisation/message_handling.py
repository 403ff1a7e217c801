"""Messages are taken out of the inbox and handled, the messages of one loan one after another.

What a message does is committed by the service that owns it, under a key of its own; where the message stands is
committed after it. A crash between the two handles the message again, which changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from ops_app.domain.organisation.message_order import Lines, OpenMessage
from ops_app.domain.organisation.messages import MessageKind, MessageState, WhyHeld
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.organisation.installation import today
from ops_app.services.organisation.message_intake import StoreTrouble, body_of, note_dead
from ops_app.services.organisation.message_kinds import Content, Outcome, dead, handlers
from ops_app.services.organisation.parameter_reading import number_on
from ops_app.store.organisation import messages
from ops_app.store.organisation.messages import KeptBody
from ops_app.store.store import Store, StoreBusy, Transaction

TRIES = "ledger.message_tries"
PARKED_HOURS = "ledger.message_parked_hours"
LOOK_AGAIN = timedelta(seconds=60)
"""So often a parked message looks whether its partner came by another way, such as the day's file."""

_LONGEST_PAUSE = timedelta(minutes=5)
LARGEST_BATCH = 500


@dataclass(frozen=True)
class Handled:
    """What one call did; ``left`` is whether more messages are due."""

    done: int = 0
    parked: int = 0
    dead: int = 0
    failed: int = 0
    left: bool = False

    @property
    def total(self) -> int:
        return self.done + self.parked + self.dead + self.failed


@dataclass(frozen=True)
class _Failed:
    """An error of ours at one message: it is tried again, a few times."""

    error: str


@act("system.run")
def handle_waiting(actor: Actor, store: Store, *, now: datetime, limit: int, evidence: Path) -> Handled:
    """Handle up to ``limit`` messages that are due: the first of each loan together, then the next of each.

    A message that fails by an error of ours is tried again after a pause that doubles, and is a dead letter after as
    many tries as the parameter ``ledger.message_tries`` says; one that was parked for longer than
    ``ledger.message_parked_hours`` becomes one too. Raises ``StoreTrouble`` where the store cannot be written.
    """
    limit = min(limit, LARGEST_BATCH)
    try:
        return _handle(actor, store, now, limit, evidence)
    except (OperationalError, StoreBusy) as trouble:
        raise StoreTrouble from trouble


def _handle(actor: Actor, store: Store, now: datetime, limit: int, evidence: Path) -> Handled:
    with store.reading() as connection:
        most_tries = number_on(connection, TRIES, today(now))
        oldest = now - timedelta(hours=number_on(connection, PARKED_HOURS, today(now)))
        late = messages.parked_before(connection, oldest, limit)
    counts = dict.fromkeys(MessageState, 0)
    failed = _end_parked(actor, store, now, late)
    counts[MessageState.DEAD] += failed
    with store.reading() as connection:
        lines = Lines(messages.open_in(connection, messages.due_lines(connection, now, limit)), now)
    begun = failures = 0
    while begun < limit and (heads := lines.heads(limit - begun)):
        begun += len(heads)
        with store.reading() as connection:
            kept = messages.bodies(connection, [one.number for one in heads])
        outcomes = _outcomes(actor, store, now, kept, evidence)
        with store.writing(actor, now) as transaction:
            for one in kept:
                outcome = outcomes[one.number]
                values = _values(one, outcome, now, most_tries)
                _settle(transaction, one, outcome, values)
                counts[MessageState(values["state"])] += 1
                failures += values["state"] == MessageState.WAITING.value
                head = next(head for head in heads if head.number == one.number)
                lines.settle(one.number, head.line, _left(head, values))
            _wake(transaction, [head for head in heads if _is_done(outcomes[head.number])])
    with store.reading() as connection:
        left = messages.count_waiting(connection, now, 1) > 0
    return Handled(
        counts[MessageState.DONE], counts[MessageState.PARKED], counts[MessageState.DEAD], failures,
        left and begun > 0,
    )  # fmt: skip


def _outcomes(
    actor: Actor, store: Store, now: datetime, kept: Sequence[KeptBody], evidence: Path
) -> dict[int, Outcome | _Failed]:
    """What became of each message, kind by kind."""
    found: dict[int, Outcome | _Failed] = {}
    for kind in MessageKind:
        mine = [
            Content(one.number, one.source_code, one.message_id, one.loan_id, body_of(one.body, evidence))
            for one in kept if one.kind == kind.value
        ]  # fmt: skip
        if mine:
            found |= _try(actor, store, now, kind, mine, evidence)
    return found


def _try(
    actor: Actor, store: Store, now: datetime, kind: MessageKind, some: Sequence[Content], evidence: Path
) -> dict[int, Outcome | _Failed]:
    """Handle ``some`` together; where that fails, each by itself, so that one bad message holds up no other."""
    try:
        outcomes = handlers()[kind].handle(actor, store, now, some, evidence)
        return {one.number: outcome for one, outcome in zip(some, outcomes, strict=True)}
    except (OperationalError, StoreBusy):
        raise
    except DBAPIError as error:
        if error.connection_invalidated or (not isinstance(error, IntegrityError) and "disk" in str(error.orig)):
            raise StoreTrouble from error
        failure = type(error).__name__
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this message that fails, and no other
        failure = type(error).__name__
    if len(some) == 1:
        return {some[0].number: _Failed(failure)}
    found: dict[int, Outcome | _Failed] = {}
    for one in some:
        found |= _try(actor, store, now, kind, [one], evidence)
    return found


def _values(one: KeptBody, outcome: Outcome | _Failed, now: datetime, most_tries: int) -> dict[str, Any]:
    """Where the message stands after this."""
    if isinstance(outcome, _Failed):
        tries = one.tries + 1
        en = f"It failed {tries} times, the last time by {outcome.error}."
        zh = f"已处理失败 {tries} 次，最近一次错误：{outcome.error}。"
        failed = {"tries": tries, "why": WhyHeld.FAILED.value, "why_en": en, "why_zh": zh}
        if tries >= most_tries:
            return failed | {"state": MessageState.DEAD.value, "handled_at": now, "waits_for": None}
        pause = min(timedelta(seconds=2**tries), _LONGEST_PAUSE)
        return failed | {"state": MessageState.WAITING.value, "next_try_at": now + pause, "waits_for": None}
    said = {
        "state": outcome.state.value, "outcome": outcome.did, "waits_for": outcome.waits_for,
        "why": None if outcome.why is None else outcome.why.value,
        "why_en": outcome.en[:1000] or None, "why_zh": outcome.zh[:1000] or None,
    }  # fmt: skip
    if outcome.state is MessageState.PARKED:
        return said | {"parked_at": one.parked_at or now, "next_try_at": now + LOOK_AGAIN}
    return said | {"handled_at": now}


def _settle(transaction: Transaction, one: KeptBody, outcome: Outcome | _Failed, values: dict[str, Any]) -> None:
    if not messages.change(transaction.connection, one.number, one.version, values):
        return  # a person gave it up meanwhile; what it did stays done, and its key says so
    if values["state"] == MessageState.DEAD.value:
        note_dead(transaction, (one.source_code, one.message_id), WhyHeld(values["why"]), {"number": one.number})


def _is_done(outcome: Outcome | _Failed) -> bool:
    return isinstance(outcome, Outcome) and outcome.state is MessageState.DONE


def _left(head: OpenMessage, values: dict[str, Any]) -> OpenMessage | None:
    """The message as it is still open, if it is."""
    state = MessageState(values["state"])
    if state not in (MessageState.WAITING, MessageState.PARKED):
        return None
    return replace(head, state=state, next_try_at=values["next_try_at"], waits_for=values["waits_for"])


def _wake(transaction: Transaction, settled: Sequence[OpenMessage]) -> None:
    by_source: dict[str, list[str]] = {}
    for one in settled:
        if one.subject is not None:
            by_source.setdefault(one.source_code, []).append(one.subject)
    for source, subjects in sorted(by_source.items()):
        messages.wake_partners(transaction.connection, source, sorted(subjects), transaction.now)


def _end_parked(actor: Actor, store: Store, now: datetime, late: Sequence[KeptBody]) -> int:
    """Parked messages whose partner did not come in time become dead letters, announced."""
    if not late:
        return 0
    outcome = dead(
        WhyHeld.NO_PARTNER, "The payment that it reverses did not come in time.", "被冲正的还款未在期限内收到。"
    )
    with store.writing(actor, now) as transaction:
        for one in late:
            _settle(transaction, one, outcome, _values(one, outcome, now, 1))
    return len(late)
