"""Promises of a case with what is recorded by now: published once a day, judged whenever somebody looks (D4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from ops_app.domain.casework.cases import NoSuchCase
from ops_app.domain.casework.scope import scope_of
from ops_app.domain.contact.promises import Promise, as_of_now
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.organisation.installation import today
from ops_app.services.organisation.parameter_reading import value_on
from ops_app.store.casework import cases
from ops_app.store.contact.promises import came_in
from ops_app.store.store import Store

KEPT_SHARE = "contact.promise_kept_share"


@act("cases.view")
def judge_promises(
    actor: Actor, store: Store, *, now: datetime, case_id: str, promises: Sequence[Promise]
) -> list[Promise]:
    """``promises`` of a case as they were published, the newest first, with the payments and reversals of its loan that
    are recorded by now. Raises ``NoSuchCase``."""
    with store.reading() as connection:
        case = cases.read(connection, case_id, scope_of(actor), now)
        if case is None:
            raise NoSuchCase
        if not promises:
            return []
        day = today(now)
        since = min(one.promised_date for one in promises)
        came = came_in(connection, case.source_code, case.loan_id, since)
        share = value_on(connection, KEPT_SHARE, day)
    return as_of_now(promises, came, kept_share=Decimal(str(share)), today=day)
