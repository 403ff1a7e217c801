"""The first administrator of an empty installation: there is nobody yet who could create people."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ops_app.domain.errors import Refused
from ops_app.domain.organisation.passwords import check_new_password
from ops_app.domain.organisation.people import SYSTEM, Role
from ops_app.services.organisation.hashing import hash_password, temporary_password
from ops_app.services.organisation.people import enter_person, new_person
from ops_app.store.organisation import people
from ops_app.store.store import Store


def create_first_administrator(
    store: Store,
    *,
    now: datetime,
    sign_in_name: str,
    display_name: str,
    password: str | None = None,
    language: str = "en",
) -> str:
    """Create the first administrator and return the password: ``password``, or else a temporary one that must be
    changed at the first sign-in. Raises ``Refused`` if there is any person already."""
    person = new_person(now, sign_in_name, display_name, Role.ADMINISTRATOR, None, language)
    if password is not None:
        check_new_password(password, sign_in_name=person.sign_in_name)
        person = replace(person, must_change_password=False)
    chosen = password or temporary_password()
    hashed = hash_password(chosen)
    with store.writing(SYSTEM, now) as transaction:
        if people.anybody(transaction.connection):
            raise Refused(
                "This installation has people already; an administrator adds further ones.",
                "本系统已有用户，请由管理员添加其他用户。",
            )
        enter_person(transaction, person, hashed)
    return chosen
