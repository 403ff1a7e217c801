"""Sessions and sign-in attempts in the store. Tokens never reach it, only their hashes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from ops_app.domain.organisation.people import Role
from ops_app.store.tables.organisation import known_devices, people, sessions, sign_in_attempts


@dataclass(frozen=True)
class Held:
    """A session and the person who holds it, as they are now."""

    session_hash: str
    person_id: str
    display_name: str
    role: Role
    agency_code: str | None
    language: str
    must_change_password: bool
    last_seen_at: datetime


def held(connection: Connection, session_hash: str, *, now: datetime, idle: timedelta) -> Held | None:
    """The session, if it is neither ended nor too old nor idle for too long, and its person is active."""
    row = connection.execute(
        select(
            people.c.person_id,
            people.c.display_name,
            people.c.role_code,
            people.c.agency_code,
            people.c.language,
            people.c.must_change_password,
            sessions.c.last_seen_at,
        )
        .join_from(sessions, people)
        .where(
            sessions.c.session_hash == session_hash,
            sessions.c.revoked_at.is_(None),
            sessions.c.expires_at > now,
            sessions.c.last_seen_at > now - idle,
            people.c.active.is_(True),
        )
    ).first()
    if row is None:
        return None
    return Held(
        session_hash,
        row.person_id,
        row.display_name,
        Role(row.role_code),
        row.agency_code,
        row.language,
        row.must_change_password,
        row.last_seen_at,
    )


def begin(
    connection: Connection,
    session_hash: str,
    person_id: str,
    *,
    now: datetime,
    expires_at: datetime,
    user_agent: str,
    address: str | None,
) -> None:
    """Insert a session, begun from ``address`` where that is known."""
    connection.execute(
        insert(sessions).values(
            session_hash=session_hash,
            person_id=person_id,
            created_at=now,
            last_seen_at=now,
            expires_at=expires_at,
            user_agent=user_agent[:300],
            address=address,
        )
    )


def touch(connection: Connection, session_hash: str, now: datetime) -> None:
    """Remember that the session was in use at ``now``; never moves backwards."""
    connection.execute(
        update(sessions)
        .where(sessions.c.session_hash == session_hash, sessions.c.last_seen_at < now)
        .values(last_seen_at=now)
    )


def end(connection: Connection, session_hash: str, now: datetime) -> int:
    """End one session; how many were ended (0 if it was over already)."""
    done = connection.execute(
        update(sessions)
        .where(sessions.c.session_hash == session_hash, sessions.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    return done.rowcount


def end_all(connection: Connection, person_id: str, now: datetime) -> int:
    """End every session of a person that is not over yet; how many were ended."""
    done = connection.execute(
        update(sessions)
        .where(sessions.c.person_id == person_id, sessions.c.revoked_at.is_(None), sessions.c.expires_at > now)
        .values(revoked_at=now)
    )
    return done.rowcount


def remove_older(connection: Connection, before: datetime) -> None:
    """Forget sessions that expired before ``before``; who signed in and when stays in the audit log."""
    connection.execute(delete(sessions).where(sessions.c.expires_at < before))


@dataclass(frozen=True)
class Attempts:
    """Failures in a row of one name, and until when the next attempt has to wait."""

    failures: int
    blocked_until: datetime
    last_at: datetime


def lock_attempts(connection: Connection, name_hash: str, now: datetime) -> Attempts:
    """The counter of a name, held until the end of the transaction: parallel guesses stand in line."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    entered = dialect.insert(sign_in_attempts).values(name_hash=name_hash, failures=0, blocked_until=now, last_at=now)
    row = connection.execute(
        entered.on_conflict_do_update(
            index_elements=[sign_in_attempts.c.name_hash], set_={"name_hash": entered.excluded.name_hash}
        ).returning(sign_in_attempts.c.failures, sign_in_attempts.c.blocked_until, sign_in_attempts.c.last_at)
    ).one()
    return Attempts(row.failures, row.blocked_until, row.last_at)


def count_attempt(connection: Connection, name_hash: str, attempts: Attempts) -> None:
    """Store the counter of a name."""
    connection.execute(
        update(sign_in_attempts)
        .where(sign_in_attempts.c.name_hash == name_hash)
        .values(failures=attempts.failures, blocked_until=attempts.blocked_until, last_at=attempts.last_at)
    )


def forget_attempts(connection: Connection, name_hash: str) -> None:
    """The name signed in: its failures no longer count."""
    connection.execute(delete(sign_in_attempts).where(sign_in_attempts.c.name_hash == name_hash))


def forget_old_attempts(connection: Connection, before: datetime) -> None:
    """Remove counters that were not used since ``before``, some at a time; those in use are left alone."""
    old = (
        select(sign_in_attempts.c.name_hash)
        .where(sign_in_attempts.c.last_at < before)
        .limit(200)
        .with_for_update(skip_locked=True)
    )
    connection.execute(delete(sign_in_attempts).where(sign_in_attempts.c.name_hash.in_(old)))


def is_known_device(connection: Connection, device_hash: str, person_id: str, since: datetime) -> bool:
    """Whether this browser signed this person in after ``since``."""
    return (
        connection.execute(
            select(known_devices.c.device_hash).where(
                known_devices.c.device_hash == device_hash,
                known_devices.c.person_id == person_id,
                known_devices.c.last_seen_at > since,
            )
        ).first()
        is not None
    )


def remember_device(connection: Connection, device_hash: str, person_id: str, now: datetime) -> None:
    """This browser signed this person in."""
    connection.execute(delete(known_devices).where(known_devices.c.device_hash == device_hash))
    connection.execute(insert(known_devices).values(device_hash=device_hash, person_id=person_id, last_seen_at=now))


def forget_devices(connection: Connection, person_id: str) -> None:
    """No browser is known for this person any more."""
    connection.execute(delete(known_devices).where(known_devices.c.person_id == person_id))
