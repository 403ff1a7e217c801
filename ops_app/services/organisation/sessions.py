"""One's own sessions and account: sign out, sign out everywhere, change the password and the language."""

from __future__ import annotations

from datetime import datetime
from secrets import token_urlsafe

from ops_app.domain.canonical import key_hash
from ops_app.domain.errors import Conflict, Invalid, NotFound
from ops_app.domain.organisation.passwords import LONGEST, check_new_password
from ops_app.domain.organisation.people import Actor, checked_language
from ops_app.services.act import act
from ops_app.services.organisation.hashing import hash_password, verify_password
from ops_app.services.organisation.sign_in import (
    SignedIn,
    actor_from,
    actor_of,
    begin_session,
    count_attempt,
    sign_in,
    token_hash,
)
from ops_app.store.organisation import people, sessions
from ops_app.store.organisation.people import Person
from ops_app.store.store import Store, Transaction

__all__ = [
    "SignedIn",
    "actor_of",
    "change_own_password",
    "choose_language",
    "sign_in",
    "sign_out",
    "sign_out_everywhere",
]


@act("session.own")
def sign_out(actor: Actor, store: Store, *, now: datetime) -> None:
    """End the session that ``actor`` acts in; ending it twice is the same as once."""
    with store.writing(actor, now) as transaction:
        if actor.session_id and sessions.end(transaction.connection, actor.session_id, now):
            transaction.audit("session.ended", "person", actor.person_id)


@act("session.own")
def sign_out_everywhere(actor: Actor, store: Store, *, now: datetime) -> int:
    """End every session of ``actor``, this one too, and forget their browsers; returns how many sessions ended."""
    with store.writing(actor, now) as transaction:
        ended = sessions.end_all(transaction.connection, actor.person_id, now)
        sessions.forget_devices(transaction.connection, actor.person_id)
        transaction.audit("session.ended_everywhere", "person", actor.person_id, after={"ended": ended})
        return ended


@act("session.own")
def change_own_password(
    actor: Actor, store: Store, *, now: datetime, current: str, new: str, user_agent: str = ""
) -> SignedIn:
    """Replace the password; ends every session of the person and opens a new one, whose token the caller must set.

    Raises ``Invalid`` when the present password is wrong or the new one is not good enough. Wrong ones are in the log
    and counted before they are looked at, as at the door: after a few the session ends, and the next has to wait.
    """
    with store.reading() as connection:
        person = _self(people.by_id(connection, actor.person_id))
        stored = people.password_hash(connection, actor.person_id)
    check_new_password(new, sign_in_name=person.sign_in_name)
    counter = key_hash("present password", actor.person_id)
    if not _may_try(actor, store, now, counter):
        raise Invalid(
            "The present password was wrong several times. Wait a quarter of an hour, then sign in and try again.",
            "当前密码多次输入错误，请在一刻钟后重新登录再试。",
            field="current",
        )
    if len(current) > LONGEST or not verify_password(stored, current):
        with store.writing(actor, now) as transaction:
            transaction.audit("session.password_refused", "person", actor.person_id)
        raise Invalid("The present password is not right.", "当前密码不正确。", field="current")
    if new == current:
        raise Invalid("The new password must be another one.", "新密码不能与当前密码相同。", field="password")
    hashed = hash_password(new)
    token, device = token_urlsafe(32), token_urlsafe(32)
    with store.writing(actor, now) as transaction:
        changed = people.change(
            transaction.connection,
            person.person_id,
            person.version,
            {"password_hash": hashed, "must_change_password": False},
        )
        if not changed:
            raise Conflict("Your account changed meanwhile. Please try again.", "您的账号刚被更改，请重试。")
        sessions.forget_attempts(transaction.connection, counter)
        end_all_of(transaction, person.person_id)
        expires_at = begin_session(transaction, person, token, user_agent)
        sessions.remember_device(transaction.connection, token_hash(device), person.person_id, now)
        transaction.audit("person.password_changed", "person", person.person_id)
        renewed = _self(people.by_id(transaction.connection, person.person_id))
    return SignedIn(token, actor_from(renewed, token_hash(token), actor.address), expires_at, device)


@act("session.own")
def choose_language(actor: Actor, store: Store, *, now: datetime, language: str) -> None:
    """Remember in which language (``en`` or ``zh``) the pages speak to ``actor``."""
    chosen = checked_language(language)
    with store.writing(actor, now) as transaction:
        person = _self(people.by_id(transaction.connection, actor.person_id))
        if person.language == chosen:
            return
        people.change(transaction.connection, person.person_id, person.version, {"language": chosen})
        transaction.audit(
            "person.language_chosen",
            "person",
            person.person_id,
            before={"language": person.language},
            after={"language": chosen},
        )


def end_all_of(transaction: Transaction, person_id: str) -> int:
    """Within an act that changes what a person may do: their sessions end, they sign in anew."""
    sessions.forget_devices(transaction.connection, person_id)
    return sessions.end_all(transaction.connection, person_id, transaction.now)


def _may_try(actor: Actor, store: Store, now: datetime, counter: str) -> bool:
    """Count a try of the present password as wrong until it proves otherwise; says whether it is looked at. From the
    first that has to wait on, the session in which they are made is over."""
    with store.writing(actor, now) as transaction:
        may_try = count_attempt(transaction, counter)
        if not may_try:
            ended = sessions.end(transaction.connection, actor.session_id or "", now)
            detail = {"why": "delay", "sessions_ended": ended}
            transaction.audit("session.password_refused", "person", actor.person_id, after=detail)
    return may_try


def _self(person: Person | None) -> Person:
    if person is None:
        raise NotFound("Your account is not there any more.", "您的账号已不存在。")
    return person
