"""What belongs to the people of an agency: their certificates, and the networks they may sign in from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.engine import Connection

from ops_app.domain.canonical import key_hash
from ops_app.store.store import Transaction
from ops_app.store.tables.agencies import agency_networks, certificates
from ops_app.store.tables.organisation import people


@dataclass(frozen=True)
class Certificate:
    """One person's certificate; ``expires_date`` is the first day on which it no longer holds."""

    certificate_id: str
    agency_code: str
    person_id: str
    display_name: str
    kind: str
    number: str
    expires_date: date


@dataclass(frozen=True)
class Network:
    """One network from which an agency's people may sign in."""

    network: str
    note: str
    added_at: datetime


def certificates_of(connection: Connection, agency_code: str) -> list[Certificate]:
    """The certificates of an agency's people, those that expire first at the top."""
    rows = connection.execute(
        select(
            certificates.c.certificate_id,
            certificates.c.agency_code,
            certificates.c.person_id,
            people.c.display_name,
            certificates.c.kind,
            certificates.c.number,
            certificates.c.expires_date,
        )
        .join_from(certificates, people)
        .where(certificates.c.agency_code == agency_code, certificates.c.removed_at.is_(None))
        .order_by(certificates.c.expires_date, people.c.display_name, certificates.c.certificate_id)
    )
    return [Certificate(**row._mapping) for row in rows]


def add_certificate(
    transaction: Transaction, agency_code: str, person_id: str, kind: str, number: str, expires_date: date
) -> str:
    """Insert a certificate; kind, number and expiry together are unique. Returns its id."""
    known: int = transaction.connection.execute(
        select(func.count()).where(certificates.c.kind == kind, certificates.c.number == number)
    ).scalar_one()
    certificate_id = key_hash("certificate", kind, number, str(known + 1))
    transaction.connection.execute(
        insert(certificates).values(
            certificate_id=certificate_id,
            agency_code=agency_code,
            person_id=person_id,
            kind=kind,
            number=number,
            expires_date=expires_date,
            recorded_at=transaction.now,
            recorded_by=transaction.actor.person_id,
        )
    )
    return certificate_id


def remove_certificate(transaction: Transaction, agency_code: str, certificate_id: str) -> bool:
    """Take a certificate off the list (its row stays); says whether it was on it."""
    done = transaction.connection.execute(
        update(certificates)
        .where(
            certificates.c.certificate_id == certificate_id,
            certificates.c.agency_code == agency_code,
            certificates.c.removed_at.is_(None),
        )
        .values(removed_at=transaction.now)
    )
    return done.rowcount == 1


def networks_of(connection: Connection, agency_code: str) -> list[Network]:
    """The networks of an agency; none means that every address is allowed."""
    rows = connection.execute(
        select(agency_networks.c.network, agency_networks.c.note, agency_networks.c.added_at)
        .where(agency_networks.c.agency_code == agency_code)
        .order_by(agency_networks.c.network)
    )
    return [Network(**row._mapping) for row in rows]


def add_network(transaction: Transaction, agency_code: str, network: str, note: str) -> None:
    """Insert a network; each is there once."""
    transaction.connection.execute(
        insert(agency_networks).values(
            agency_code=agency_code,
            network=network,
            note=note,
            added_at=transaction.now,
            added_by=transaction.actor.person_id,
        )
    )


def remove_network(transaction: Transaction, agency_code: str, network: str) -> bool:
    """Remove a network; says whether it was there."""
    done = transaction.connection.execute(
        delete(agency_networks).where(
            agency_networks.c.agency_code == agency_code, agency_networks.c.network == network
        )
    )
    return done.rowcount == 1
