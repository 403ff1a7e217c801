"""Certificates of an agency's people, and the networks from which they may sign in (features 10, 11)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy.exc import IntegrityError

from ops_app.domain.errors import Conflict, Invalid, NotFound
from ops_app.domain.organisation.networks import checked_network
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.organisation.agencies import locked_agency
from ops_app.services.organisation.people import checked_why
from ops_app.store.organisation import agency_people, people
from ops_app.store.store import Store


@act("agencies.manage")
def add_certificate(
    actor: Actor,
    store: Store,
    *,
    now: datetime,
    agency_code: str,
    person_id: str,
    kind: str,
    number: str,
    expires_date: date,
) -> None:
    """Enter a certificate of one of the agency's people; ``expires_date`` is the first day on which it no longer
    holds. Raises ``NotFound`` for anybody else's people, ``Conflict`` when it is there already."""
    texts = {"kind": kind.strip(), "number": number.strip()}
    for field, text in texts.items():
        if not 1 <= len(text) <= 64 or not text.isprintable():
            raise Invalid("1 to 64 printable characters.", "1 至 64 个可见字符。", field=field)
    with store.writing(actor, now) as transaction:
        locked_agency(transaction, agency_code)
        person = people.by_id(transaction.connection, person_id)
        if person is None or person.agency_code != agency_code:
            raise NotFound("There is no such person in this agency.", "该机构没有此人。", field="person_id")
        try:
            agency_people.add_certificate(
                transaction, agency_code, person_id, texts["kind"], texts["number"], expires_date
            )
        except IntegrityError as error:
            raise Conflict("This certificate is there already.", "该证书已登记。", field="number") from error
        transaction.audit(
            "agency.certificate_added",
            "agency",
            agency_code,
            after={
                "person_id": person_id,
                "kind": texts["kind"],
                "number_tail": texts["number"][-4:],
                "expires_date": expires_date,
            },
        )


@act("agencies.manage")
def remove_certificate(
    actor: Actor, store: Store, *, now: datetime, agency_code: str, certificate_id: str, reason: str
) -> None:
    """Take a certificate off the list. Raises ``NotFound``."""
    why = checked_why(reason)
    with store.writing(actor, now) as transaction:
        if not agency_people.remove_certificate(transaction, agency_code, certificate_id):
            raise NotFound("There is no such certificate.", "没有该证书。")
        transaction.audit(
            "agency.certificate_removed", "agency", agency_code, before={"certificate_id": certificate_id}, reason=why
        )


@act("agencies.manage")
def allow_network(actor: Actor, store: Store, *, now: datetime, agency_code: str, network: str, note: str = "") -> str:
    """Allow sign-in from a network (CIDR, IPv4 or IPv6); returns it in its one spelling. The first one closes the door
    to every other address. Raises ``WrongNetwork`` or ``Conflict``."""
    wanted, remark = checked_network(network), " ".join(note.split())[:200]
    with store.writing(actor, now) as transaction:
        locked_agency(transaction, agency_code)
        try:
            agency_people.add_network(transaction, agency_code, wanted, remark)
        except IntegrityError as error:
            raise Conflict("This network is on the list already.", "该网段已在名单中。", field="network") from error
        transaction.audit("agency.network_allowed", "agency", agency_code, after={"network": wanted, "note": remark})
    return wanted


@act("agencies.manage")
def withdraw_network(actor: Actor, store: Store, *, now: datetime, agency_code: str, network: str, reason: str) -> None:
    """Take a network off the list; with the last one gone every address is allowed. Raises ``NotFound``."""
    why = checked_why(reason)
    with store.writing(actor, now) as transaction:
        locked_agency(transaction, agency_code)
        if not agency_people.remove_network(transaction, agency_code, network):
            raise NotFound("This network is not on the list.", "该网段不在名单中。", field="network")
        transaction.audit("agency.network_withdrawn", "agency", agency_code, before={"network": network}, reason=why)
