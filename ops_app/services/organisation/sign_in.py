"""The doors before there is an actor: signing in, and asking who holds a session.

These are the only services without the ``act`` decorator; ``SIGN_IN_DOORS`` names them, and a convention test holds
the list complete.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe

from sqlalchemy import update
from sqlalchemy.engine import Connection

from ops_app.domain.canonical import key_hash
from ops_app.domain.errors import Refused
from ops_app.domain.organisation.agencies import AgencyState
from ops_app.domain.organisation.networks import admits, readable
from ops_app.domain.organisation.passwords import FORGOTTEN_AFTER, LONGEST, delay_after
from ops_app.domain.organisation.people import SYSTEM, Actor, folded_name, is_possible_name
from ops_app.services.organisation.hashing import hash_password, needs_rehash, verify_password
from ops_app.store.organisation import agencies, agency_people, people, rights, sessions
from ops_app.store.organisation.people import Person
from ops_app.store.store import Store, StoreBusy, Transaction
from ops_app.store.tables.organisation import people as people_table

SIGN_IN_DOORS = frozenset(
    {
        "ops_app.services.organisation.sign_in.sign_in",
        "ops_app.services.organisation.sign_in.actor_of",
        "ops_app.services.organisation.first_administrator.create_first_administrator",
    }
)
"""Services that have no actor yet, by qualified name; every other service declares a permission."""

IDLE_LIMIT = timedelta(minutes=30)
ABSOLUTE_LIMIT = timedelta(hours=12)
TOUCH_EVERY = timedelta(minutes=1)
DEVICE_KNOWN_FOR = timedelta(days=90)
_KEEP_OLD_SESSIONS = timedelta(days=30)


class SignInRefused(Refused):
    """Name and password do not open the house: one answer for a wrong password, an unknown name, a person who left
    and a name that has to wait, so that nothing can be learnt from it."""

    def __init__(self) -> None:
        super().__init__(
            "The name and password do not match, or this account cannot sign in just now. "
            "Check both and try again; after several failures wait a moment.",
            "登录名与密码不匹配，或该账号暂时不能登录。请核对后重试；多次失败后请稍候。",
        )


@dataclass(frozen=True)
class SignedIn:
    """A new session. ``token`` goes into the session cookie; ``device`` into a long-lived cookie that is sent with
    the next sign-in (it proves nothing but that guesses of strangers need not delay this browser)."""

    token: str
    actor: Actor
    expires_at: datetime
    device: str


def token_hash(token: str) -> str:
    """What the store keeps of a token: 256 random bits need no salt."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def sign_in(
    store: Store,
    *,
    now: datetime,
    name: str,
    password: str,
    user_agent: str = "",
    device: str | None = None,
    previous_token: str | None = None,
    address: str = "",
) -> SignedIn:
    """Open a session for the person of ``name``; ends the session of ``previous_token`` if there was one.

    ``address`` is where the browser is: people of an agency sign in from its networks only, and not at all once it
    has ended. The attempt is counted before the password is looked at, so parallel guesses gain nothing, and the
    password is checked outside any transaction. Raises ``SignInRefused``, or ``NotReady`` when too many sign in at
    once.
    """
    folded = folded_name(name)
    with store.writing(SYSTEM, now) as transaction:
        # what cannot be a sign-in name is not looked up, but counted and answered like any other
        person = people.by_name(transaction.connection, folded) if is_possible_name(folded) else None
        counter = _counter(transaction, folded, person, device)
        stored = people.password_hash(transaction.connection, person.person_id) if person else None
        barred = _barred_by_agency(transaction.connection, person.agency_code if person else None, address)
        may_try = count_attempt(transaction, counter)
        if not may_try:  # whoever guesses against the delay is seen in the log too
            transaction.address = readable(address)
            _audit_refused(transaction, person, {"why": "delay"})
    if not may_try:
        raise SignInRefused
    matches = len(password) <= LONGEST and verify_password(stored, password)
    if not matches or person is None or stored is None or not person.active:
        _say_refused(store, now, person, address)
        raise SignInRefused
    if barred is not None:
        _say_refused(store, now, person, address, {"why": barred})
        raise SignInRefused
    rehashed = hash_password(password) if needs_rehash(stored) else None
    return _begin(store, now, person.person_id, stored, rehashed, counter, user_agent, device, previous_token, address)


def _counter(transaction: Transaction, folded: str, person: Person | None, device: str | None) -> str:
    """Whose failures are counted: the name's, or, from a browser that signed this person in before, its own."""
    if person is not None and device and _is_known(transaction, device, person):
        return key_hash("device", folded, token_hash(device))
    return key_hash("name", token_hash(folded))


def _is_known(transaction: Transaction, device: str, person: Person) -> bool:
    since = transaction.now - DEVICE_KNOWN_FOR
    return sessions.is_known_device(transaction.connection, token_hash(device), person.person_id, since)


def count_attempt(transaction: Transaction, counter: str) -> bool:
    """Within an act: count this attempt as a failure until it proves otherwise; says whether it may be tried at all."""
    connection, now = transaction.connection, transaction.now
    sessions.forget_old_attempts(connection, now - FORGOTTEN_AFTER)
    attempts = sessions.lock_attempts(connection, counter, now)
    if now < attempts.blocked_until:
        return False
    failures = attempts.failures + 1
    sessions.count_attempt(connection, counter, sessions.Attempts(failures, now + delay_after(failures), now))
    return True


def _barred_by_agency(connection: Connection, agency_code: str | None, address: str | None) -> str | None:
    """Why somebody of an agency may not be here whatever their password, if so; ``address`` ``None``: not asked."""
    if agency_code is None:
        return None
    if agencies.state_of(connection, agency_code) is AgencyState.ENDED:
        return "agency_ended"
    if address is None:
        return None
    allowed = [one.network for one in agency_people.networks_of(connection, agency_code)]
    return None if admits(allowed, address) else "network"


def _say_refused(
    store: Store, now: datetime, person: Person | None, address: str, detail: Mapping[str, object] | None = None
) -> None:
    with store.writing(SYSTEM, now) as transaction:
        transaction.address = readable(address)
        _audit_refused(transaction, person, detail)


def _audit_refused(transaction: Transaction, person: Person | None, detail: Mapping[str, object] | None) -> None:
    # a name that nobody has is not written down: people type passwords into that field
    transaction.audit("session.refused", "person", person.person_id if person else "unknown", after=detail)


def _begin(
    store: Store,
    now: datetime,
    person_id: str,
    verified: str,
    rehashed: str | None,
    counter: str,
    user_agent: str,
    device: str | None,
    previous_token: str | None,
    address: str,
) -> SignedIn:
    token = token_urlsafe(32)
    with store.writing(SYSTEM, now) as transaction:
        connection = transaction.connection
        person = people.by_id(connection, person_id)
        if person is None or not person.active or people.password_hash(connection, person_id) != verified:
            raise SignInRefused  # changed while the password was being checked
        if _barred_by_agency(connection, person.agency_code, None) is not None:
            raise SignInRefused  # the agency ended meanwhile
        transaction.actor = actor_from(person, token_hash(token), readable(address) if address else None)
        if rehashed is not None:
            connection.execute(
                update(people_table).where(people_table.c.person_id == person_id).values(password_hash=rehashed)
            )
        sessions.forget_attempts(connection, counter)
        sessions.remove_older(connection, now - _KEEP_OLD_SESSIONS)
        if previous_token:
            sessions.end(connection, token_hash(previous_token), now)
        expires_at = begin_session(transaction, person, token, user_agent)
        # a value that is not ours is not taken up: somebody else might know it
        known = device if device and _is_known(transaction, device, person) else token_urlsafe(32)
        sessions.remember_device(connection, token_hash(known), person_id, now)
        transaction.audit("session.started", "person", person_id)
        return SignedIn(token, transaction.actor, expires_at, known)


def begin_session(transaction: Transaction, person: Person, token: str, user_agent: str) -> datetime:
    """Enter a session for ``person`` within an act; returns when it ends at the latest."""
    expires_at = transaction.now + ABSOLUTE_LIMIT
    sessions.begin(
        transaction.connection,
        token_hash(token),
        person.person_id,
        now=transaction.now,
        expires_at=expires_at,
        user_agent=user_agent,
        address=transaction.actor.address,
    )
    return expires_at


def actor_from(person: Person, session_hash: str, address: str | None = None) -> Actor:
    """The actor that ``person`` is in a session, acting from ``address`` where that is known."""
    return Actor(
        person_id=person.person_id,
        name=person.display_name,
        role=person.role,
        agency_code=person.agency_code,
        language=person.language,
        session_id=session_hash,
        must_change_password=person.must_change_password,
        address=address,
    )


def actor_of(store: Store, token: str | None, *, now: datetime, address: str | None = None) -> Actor | None:
    """Who holds the session of ``token``, with the role they have at this moment; ``None`` if it is no session (any
    more), and for people of an agency that has ended or, where ``address`` is told, elsewhere than in its networks.
    A few indexed reads; asked on every request and every rerun of a page."""
    if not token:
        return None
    with store.reading() as connection:
        held = sessions.held(connection, token_hash(token), now=now, idle=IDLE_LIMIT)
        if held is None or _barred_by_agency(connection, held.agency_code, address) is not None:
            return None
        less = rights.rights_of(connection, held.person_id)
    if now - held.last_seen_at >= TOUCH_EVERY:
        _touch(store, held.session_hash, now)
    return Actor(
        person_id=held.person_id,
        name=held.display_name,
        role=held.role,
        agency_code=held.agency_code,
        language=held.language,
        session_id=held.session_hash,
        must_change_password=held.must_change_password,
        rights=less,
        address=readable(address) if address else None,
    )


def _touch(store: Store, session_hash: str, now: datetime) -> None:
    try:
        with store.writing(SYSTEM, now) as transaction:
            sessions.touch(transaction.connection, session_hash, now)
    except StoreBusy:
        return  # the next rerun will do it; nobody is signed out for a busy store
