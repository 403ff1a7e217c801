"""Customers and their contacts that come as messages: entered as those of files are, sealed like them.

A part (the customer, the contacts) is known as of a day; an earlier day overwrites nothing, whichever way it comes. Of
a customer without a case the part is kept, sealed, until a case of theirs opens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ops_app.domain.casework.cases import debtor_key
from ops_app.domain.errors import Invalid, NotReady
from ops_app.domain.organisation.messages import MessageKind, WhyHeld
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.casework.intake import enter_pushed, key_of
from ops_app.services.organisation.installation import today
from ops_app.services.organisation.message_kinds import Content, Outcome, dead, done, register
from ops_app.services.organisation.message_shapes import refused_shape, require_same_customer
from ops_app.services.shapes import ContactsIn, CustomerIn
from ops_app.store.casework import debtor_parts, debtors
from ops_app.store.store import Store

__all__ = ["handle_contacts", "handle_customers"]

_PHONES = ("mobile", "landline")


@act("cases.intake")
def handle_customers(
    actor: Actor, store: Store, now: datetime, messages: Sequence[Content], evidence: Path
) -> Sequence[Outcome]:
    """Enter what is known of each customer."""
    return [_handle(actor, store, now, one, evidence, debtor_parts.CUSTOMER, _customer) for one in messages]


@act("cases.intake")
def handle_contacts(
    actor: Actor, store: Store, now: datetime, messages: Sequence[Content], evidence: Path
) -> Sequence[Outcome]:
    """Enter every contact point of each customer; those of other people, and what is no longer valid, are left out as
    they are of files."""
    return [_handle(actor, store, now, one, evidence, debtor_parts.CONTACTS, _contacts) for one in messages]


Said = tuple[str, str, date, dict[str, Any]]
"""Source, customer, day and what is kept of the body."""


def _customer(body: Mapping[str, Any]) -> Said:
    said = CustomerIn.model_validate(body)
    kept = said.model_dump(exclude={"source_code", "customer_id", "as_of_date"})
    return said.source_code, said.customer_id, said.as_of_date, {name: text or None for name, text in kept.items()}


def _contacts(body: Mapping[str, Any]) -> Said:
    said = ContactsIn.model_validate(body)
    own = [
        one for one in said.contacts
        if one.kind in _PHONES and one.relation in (None, "self") and one.valid is not False
    ]  # fmt: skip
    # as intake orders those of files: mobiles first
    phones = [
        one.value for one in sorted(sorted(own, key=lambda it: it.contact_id), key=lambda it: it.kind != "mobile")
    ]
    return said.source_code, said.customer_id, said.as_of_date, {"phones": phones}


def _handle(
    actor: Actor,
    store: Store,
    now: datetime,
    message: Content,
    evidence: Path,
    part: str,
    read: Callable[[Mapping[str, Any]], Said],
) -> Outcome:
    try:
        source, customer, day, kept = read(message.body)
        require_same_customer(message, source, customer)
        if day > today(now):
            raise Invalid("The day of the data has not come yet.", "数据日期不能晚于今天。", field="as_of_date")
        return done(_enter(actor, store, now, evidence, (source, customer, day, kept), part))
    except ValidationError as wrong:
        return refused_shape(wrong)
    except NotReady:
        raise
    except Invalid as refused:
        return dead(WhyHeld.REFUSED, refused.en, refused.zh)


def _enter(actor: Actor, store: Store, now: datetime, evidence: Path, said: Said, part: str) -> str:
    source, customer, day, kept = said
    about = debtor_key(source, customer)
    with store.writing(actor, now) as transaction:
        connection = transaction.connection
        key = key_of(transaction, evidence)
        before = debtor_parts.known(connection, key, [about]).get((about, part))
        if before is not None and day < before[0]:
            return "superseded"
        if before == (day, kept):
            return "unchanged"
        debtor_parts.put(connection, key, [(about, part, day, kept)])
        enter_pushed(transaction, [about], evidence)
        has_case = bool(debtors.known(connection, key, [about]))
        # who and which part, never what it says
        transaction.audit("customer.pushed", "customer", about, after={"part": part, "as_of_date": day})
    return "updated" if has_case else "kept"


register(MessageKind.CUSTOMER, handle_customers, lambda _body: None)
register(MessageKind.CONTACTS, handle_contacts, lambda _body: None)
