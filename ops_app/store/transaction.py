"""The unit of work: what one act changes, what it leaves in the audit log, and what it answers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Table, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from ops_app.domain.canonical import canonical_json, content_hash
from ops_app.domain.errors import Conflict, Invalid
from ops_app.domain.organisation.audit import GENESIS, AuditRow, sealed
from ops_app.domain.organisation.people import SYSTEM, Actor
from ops_app.store import driver, stored_json
from ops_app.store.asking import ask
from ops_app.store.organisation import rights
from ops_app.store.tables import organisation as t

AUDIT_LOCK = 0x5EC0_0A0D
"""The advisory lock under which audit rows are chained in PostgreSQL; taken last, so it cannot deadlock."""

EXERCISED: ContextVar[str | None] = ContextVar("exercised", default=None)
"""The right under which the present act is done; the act's guard sets it, for the review of rights."""

# made once: on the way of every act, making a statement costs more than running it
_HEAD = select(t.audit_log.c.seq, t.audit_log.c.row_hash).order_by(t.audit_log.c.seq.desc()).limit(1)
_CHAIN = insert(t.audit_log)
_LAST = "select pg_advisory_xact_lock(%(lock)s)"
_CHANGING = re.compile(r"\b(insert|update|delete|merge|replace|truncate|copy)\b", re.IGNORECASE)
_LOCKING = re.compile(r"\bfor\s+(no\s+key\s+)?update\b", re.IGNORECASE)


class UnauditedChange(RuntimeError):
    """A transaction changed something and said nothing to the audit log: a programming error."""


class UnstorableText(Invalid):
    """Text with a NUL or half a character, or longer than the store keeps."""

    def __init__(self, field: str | None = None) -> None:
        super().__init__(
            "The text is too long or has characters that cannot be kept.", "文本过长或含有无法保存的字符。", field=field
        )


class SameKeyOtherContent(Conflict):
    """A key that was seen came again with other content; ``differs`` names the fields."""

    def __init__(self, source: str, key: str, differs: tuple[str, ...]) -> None:
        what = ", ".join(differs)
        super().__init__(
            f"{key} of {source} was already received with other content: {what}.",
            f"{source} 的 {key} 已收到过，但内容不同：{what}。",
            field=differs[0] if differs else None,
        )
        self.differs = differs


@dataclass(frozen=True)
class Claim:
    """What the inbox says about a key: ``new`` (go on, then answer), ``repeated`` (give the stored ``answer``, change
    nothing) or ``conflict`` (other content; ``differs`` names the fields, or ``body`` where none were kept)."""

    state: Literal["new", "repeated", "conflict"]
    source: str
    key: str
    answer: Any = None
    differs: tuple[str, ...] = ()

    @property
    def is_new(self) -> bool:
        return self.state == "new"

    def refuse_conflict(self) -> None:
        """Raise ``SameKeyOtherContent`` if the key came with other content before."""
        if self.state == "conflict":
            raise SameKeyOtherContent(self.source, self.key, self.differs)


@dataclass
class Transaction:
    """One act's transaction. Everything in it happens, or nothing does.

    Given by ``Store.writing``; committed when its block ends without an error.
    """

    connection: Connection
    now: datetime
    actor: Actor
    request_id: str | None = None
    address: str | None = None
    """The network address of somebody who is no actor yet; else the actor's counts."""
    _audited: list[dict[str, Any]] = field(default_factory=list)
    _changed: set[str] = field(default_factory=set)

    def audit(
        self,
        action: str,
        object_type: str,
        object_id: str,
        before: Mapping[str, object] | None = None,
        after: Mapping[str, object] | None = None,
        reason: str | None = None,
    ) -> None:
        """Say in the audit log what this act does; written with the act, or the act does not happen.

        Never put a secret or an unmasked personal datum into ``before``, ``after`` or ``reason``: rows stay for ever.
        Raises ``Invalid`` for text that no store can keep.
        """
        row = {
            "action": action,
            "object_type": object_type,
            "object_id": object_id,
            "before_json": None if before is None else canonical_json(before),
            "after_json": None if after is None else canonical_json(after),
            "reason": reason,
        }
        _refuse_unstorable(t.audit_log, **row)
        self._audited.append(row)

    def claim(self, source: str, key: str, body_hash: str, fields: Mapping[str, object] | None = None) -> Claim:
        """Enter (``source``, ``key``) in the inbox, once for ever.

        The primary key decides, so of any number of concurrent deliveries exactly one is ``new``; the others wait
        for it. ``fields`` (optional) are kept as hashes, so that a conflict can name what differs.
        """
        _refuse_unstorable(t.inbox, source=source, key=key)
        kept = None if fields is None else {name: content_hash(value) for name, value in fields.items()}
        entered = self.connection.execute(
            self._insert_once(t.inbox).values(
                source=source,
                key=key,
                body_hash=body_hash,
                field_hashes_json=None if kept is None else canonical_json(kept),
                received_at=self.now,
            ),
            execution_options={"preserve_rowcount": True},  # else a driver need not count what an insert did
        )
        if entered.rowcount == 1:
            return Claim("new", source, key)
        known = self.connection.execute(
            select(t.inbox.c.body_hash, t.inbox.c.field_hashes_json, t.inbox.c.answer_json).where(
                t.inbox.c.source == source, t.inbox.c.key == key
            )
        ).one()
        if known.body_hash == body_hash:
            return Claim("repeated", source, key, answer=stored_json.read(known.answer_json))
        return Claim("conflict", source, key, differs=_differing(stored_json.read(known.field_hashes_json), kept))

    def answer(self, source: str, key: str, json: object) -> None:
        """Keep the answer to a claimed key; a repetition is given the same."""
        done = self.connection.execute(
            update(t.inbox)
            .where(t.inbox.c.source == source, t.inbox.c.key == key, t.inbox.c.answer_json.is_(None))
            .values(answer_json=canonical_json(json))
        )
        if done.rowcount != 1:
            raise LookupError(f"{source} {key} was not claimed, or is answered already")

    @contextmanager
    def part(self) -> Iterator[None]:
        """A part of the act that can be undone by itself: after an error nothing of it stays, nor what it said to the
        audit log, and the act may go on. What the database refused is undone with it."""
        said, changed = len(self._audited), set(self._changed)
        try:
            with self.connection.begin_nested():
                try:
                    yield
                except BaseException:
                    driver.forget(self.connection)
                    raise
                driver.flush(self.connection)
        except BaseException:
            del self._audited[said:]
            self._changed = changed
            raise

    def publish(self, topic: str, key: str, payload: object) -> None:
        """Put a message into the outbox: it is sent if, and only if, this transaction commits."""
        _refuse_unstorable(t.outbox, topic=topic, key=key)
        self._changed.add(t.outbox.name)
        self.connection.execute(
            insert(t.outbox).values(topic=topic, key=key, payload_json=canonical_json(payload), created_at=self.now)
        )

    def note_change(self, table: Table | None, statement: str) -> None:
        """Remember that ``statement`` changed something (called by the store for every statement that did)."""
        if table is None:
            if _CHANGING.search(_LOCKING.sub("", statement)):
                self._changed.add(statement.split(maxsplit=1)[0])
        elif "unaudited" not in table.info:
            self._changed.add(table.name)

    def finish(self) -> None:
        """Write the audit rows, chained to the last one; called by the store just before the commit.

        Raises ``UnauditedChange`` where something changed and nothing was said.
        """
        if not self._audited:
            if self._changed:
                raise UnauditedChange(f"changed without an audit row: {', '.join(sorted(self._changed))}")
            return
        permission = EXERCISED.get()
        if permission is not None and self.actor is not SYSTEM:
            rights.used(self.connection, self.actor.person_id, permission, self.now)
        if self.connection.dialect.name == "postgresql":
            driver.later(self.connection, _LAST, [{"lock": AUDIT_LOCK}])
        head = ask(self.connection, _HEAD)
        seq, prev_hash = head[0] if head else (0, GENESIS)
        rows = []
        for said in self._audited:
            seq += 1
            row = sealed(
                AuditRow(
                    seq=seq,
                    occurred_at=self.now,
                    actor_id=self.actor.person_id,
                    actor_name=self.actor.name,
                    role_code=self.actor.role.value,
                    agency_code=self.actor.agency_code,
                    request_id=self.request_id,
                    address=self.address or self.actor.address,
                    prev_hash=prev_hash,
                    **said,
                )
            )
            prev_hash = row.row_hash
            rows.append(vars(row))
        driver.write(self.connection, _CHAIN, rows)

    def _insert_once(self, table: Table) -> Any:
        if self.connection.dialect.name == "postgresql":
            return postgresql.insert(table).on_conflict_do_nothing()
        return sqlite.insert(table).on_conflict_do_nothing()


def _refuse_unstorable(table: Table, **values: str | None) -> None:
    """The same text is refused on both stores, though SQLite alone would take it."""
    for name, value in values.items():
        if value is None:
            continue
        longest = getattr(table.c[name].type, "length", None)
        too_long = longest is not None and len(value) > longest
        if too_long or "\x00" in value or not _is_whole(value):
            raise UnstorableText(name)


def _is_whole(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _differing(known: Any, now: Mapping[str, str] | None) -> tuple[str, ...]:
    if not known or not now:
        return ("body",)
    names = sorted(set(known) | set(now))
    return tuple(name for name in names if known.get(name) != now.get(name)) or ("body",)
