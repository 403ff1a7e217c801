"""Files attached to cases: entered, offered and withdrawn; their bytes are kept by ``gateways/attachment_files``.

Whoever may read the case reads the files of their own house; an agency reads those of its running placement, and of the
asset company's those that are meant for it. A fetch is audited before the bytes are handed over, and dies with the
placement: the case is looked up in the actor's scope each time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy.engine import Connection

from ops_app.domain.casework.attachments import (
    MOST_BYTES_A_DAY,
    MOST_OF_A_CASE,
    NoSuchAttachment,
    media_of,
    safe_name,
)
from ops_app.domain.casework.cases import NoSuchCase, checked_reason
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.errors import Conflict, Invalid
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.store.casework import attachments, cases, periods
from ops_app.store.casework.attachments import Attachment
from ops_app.store.casework.case_scope import house_of
from ops_app.store.store import Store, Transaction

__all__ = ["Attachment", "Incoming", "add_attachment", "fetch_attachment", "list_attachments", "withdraw_attachment"]

_OBJECT = "attachment"
_LONGEST_NOTE = 500


@dataclass(frozen=True)
class Incoming:
    """A file that somebody brings: its name, bytes and SHA-256, what it is, and whether the agency may read it."""

    name: str
    data: bytes
    sha256: str
    note: str = ""
    for_agency: bool = False


@act("cases.view")
def list_attachments(actor: Actor, store: Store, *, now: datetime, case_id: str) -> list[Attachment]:
    """The files of a case that the actor may read, the newest first; raises ``NoSuchCase``."""
    with store.reading() as connection:
        if cases.read(connection, case_id, scope_of(actor), now) is None:
            raise NoSuchCase
        return _offered(connection, actor, case_id)


@act("cases.attach")
def add_attachment(actor: Actor, store: Store, *, now: datetime, case_id: str, file: Incoming) -> Attachment:
    """Enter a file whose bytes lie in the evidence folder already; the same bytes twice are refused.

    Raises ``NoSuchCase``, ``Invalid`` (what ``media_of`` refuses, too many or too much), ``Conflict``.
    """
    media_type = media_of(file.data, file.name)
    note = " ".join(file.note.split())
    if len(note) > _LONGEST_NOTE:
        raise Invalid(f"At most {_LONGEST_NOTE} characters.", f"最多 {_LONGEST_NOTE} 字。", field="note")
    with store.writing(actor, now) as transaction:
        connection = transaction.connection
        if case_id not in cases.read_locked(connection, [case_id], scope_of(actor), now):
            raise NoSuchCase
        known = attachments.of_case(connection, case_id)
        for one in _readable(connection, actor, case_id, known):
            if one.sha256 == file.sha256:
                raise Conflict(
                    f"{one.added_by_name} attached the same file already: {one.file_name}.",
                    f"{one.added_by_name} 已上传过相同文件：{one.file_name}。",
                    field="file",
                )
        _check_room(transaction, len(known), len(file.data))
        made = Attachment(
            uuid4().hex, case_id, house_of(scope_of(actor)), safe_name(file.name, media_type), media_type,
            len(file.data), file.sha256, note, file.for_agency and actor.agency_code is None,
            actor.person_id, actor.name, now,
        )  # fmt: skip
        attachments.add(connection, made)
        transaction.audit("attachment.added", _OBJECT, made.attachment_id, after=_facts(made))
    return made


@act("cases.view")
def fetch_attachment(actor: Actor, store: Store, *, now: datetime, case_id: str, attachment_id: str) -> Attachment:
    """Audit one fetch before the bytes are handed over; raises ``NoSuchAttachment`` alike for a file that is missing,
    foreign, withdrawn, or of a case that is no longer within reach."""
    with store.writing(actor, now) as transaction:
        one = _within_reach(transaction, actor, case_id, attachment_id)
        transaction.audit("attachment.fetched", _OBJECT, one.attachment_id, after=_facts(one))
    return one


@act("cases.withdraw")
def withdraw_attachment(
    actor: Actor, store: Store, *, now: datetime, case_id: str, attachment_id: str, reason: str
) -> Attachment:
    """Offer a file of the actor's house no longer; row and bytes stay as evidence. Raises ``NoSuchAttachment``,
    ``Invalid`` (no reason)."""
    why = checked_reason(reason)
    with store.writing(actor, now) as transaction:
        one = _within_reach(transaction, actor, case_id, attachment_id)
        if one.house != house_of(scope_of(actor)) or not attachments.withdraw(
            transaction.connection, attachment_id, now=now, by=actor.person_id, reason=why
        ):
            raise NoSuchAttachment
        transaction.audit("attachment.withdrawn", _OBJECT, attachment_id, before=_facts(one), reason=why)
    return replace(one, withdrawn_by=actor.person_id, withdrawn_at=now, withdraw_reason=why)


def _within_reach(transaction: Transaction, actor: Actor, case_id: str, attachment_id: str) -> Attachment:
    connection = transaction.connection
    if cases.read(connection, case_id, scope_of(actor), transaction.now) is None:
        raise NoSuchAttachment
    for one in _offered(connection, actor, case_id):
        if one.attachment_id == attachment_id:
            return one
    raise NoSuchAttachment


def _offered(connection: Connection, actor: Actor, case_id: str) -> list[Attachment]:
    return _readable(connection, actor, case_id, attachments.of_case(connection, case_id))


def _readable(connection: Connection, actor: Actor, case_id: str, files: list[Attachment]) -> list[Attachment]:
    living = [one for one in files if one.withdrawn_at is None]
    if actor.agency_code is None:
        return living
    running = periods.running_placements(connection, [case_id]).get(case_id)
    return [
        one
        for one in living
        if (one.house == "" and one.for_agency)
        or (one.house == actor.agency_code and running is not None and one.added_at >= running.placed_at)
    ]


def _check_room(transaction: Transaction, known: int, size: int) -> None:
    if known >= MOST_OF_A_CASE:
        raise Invalid(
            f"A case has at most {MOST_OF_A_CASE} files.", f"每件案件最多 {MOST_OF_A_CASE} 个文件。", field="file"
        )
    actor, since = transaction.actor.person_id, transaction.now - timedelta(days=1)
    if attachments.bytes_since(transaction.connection, actor, since) + size > MOST_BYTES_A_DAY:
        most = MOST_BYTES_A_DAY // 2**20
        raise Invalid(
            f"You may add {most} MB within a day; this would be more. Go on tomorrow.",
            f"每人每天最多上传 {most} MB，已超出，请明天继续。",
            field="file",
        )


def _facts(one: Attachment) -> dict[str, object]:
    return {
        "case_id": one.case_id, "house": one.house, "file_name": one.file_name, "media_type": one.media_type,
        "size_bytes": one.size_bytes, "sha256": one.sha256, "for_agency": one.for_agency,
    }  # fmt: skip
