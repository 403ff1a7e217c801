"""Schedules of loans that come as messages: taken in as those of the feed are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl
from pydantic import ValidationError

from ops_app.domain.errors import Invalid, NotReady
from ops_app.domain.ledger.instalments import Instalment, known_of
from ops_app.domain.organisation.messages import MessageKind, WhyHeld
from ops_app.domain.organisation.people import Actor
from ops_app.engines.instalments import MEASURED
from ops_app.services.act import act
from ops_app.services.ledger.schedules import InstalmentRow, take_in_schedules
from ops_app.services.organisation.installation import today
from ops_app.services.organisation.message_kinds import Content, Outcome, dead, done, register
from ops_app.services.organisation.message_shapes import refused_shape, require_same_loan
from ops_app.services.shapes import InstalmentsIn
from ops_app.store.casework.intake import facts_of
from ops_app.store.ledger import instalments
from ops_app.store.store import Store

__all__ = ["handle_instalments"]


@act("cases.intake")
def handle_instalments(
    actor: Actor, store: Store, now: datetime, messages: Sequence[Content], evidence: Path
) -> Sequence[Outcome]:
    """Take in the schedule of each loan in collection; one whose later day is known is ``superseded``."""
    return [_handle(actor, store, now, one) for one in messages]


def _handle(actor: Actor, store: Store, now: datetime, message: Content) -> Outcome:
    try:
        said = InstalmentsIn.model_validate(message.body)
        require_same_loan(message, said.source_code, said.loan_id)
        if said.as_of_date > today(now):
            raise Invalid("The day of the data has not come yet.", "数据日期不能晚于今天。", field="as_of_date")
        if len({one.instalment_no for one in said.instalments}) != len(said.instalments):
            raise Invalid("An instalment stands there twice.", "同一期次重复。", field="instalments")
        return done(_take_in(actor, store, now, said))
    except ValidationError as wrong:
        return refused_shape(wrong)
    except NotReady:
        raise
    except Invalid as refused:
        return dead(WhyHeld.REFUSED, refused.en, refused.zh)


def _take_in(actor: Actor, store: Store, now: datetime, said: InstalmentsIn) -> str:
    loan = (said.source_code, said.loan_id)
    with store.reading() as connection:
        if facts_of(connection, *loan) is None:
            return "not_in_collection"
        known = instalments.of_loans(connection, [loan]).get(loan, [])
    if (latest := known_of(known)) is not None and said.as_of_date < latest:
        return "superseded"
    rows = _rows(said)
    if not {row.instalment for row in rows} - set(known):
        return "unchanged"
    take_in_schedules(actor, store, now=now, business_date=said.as_of_date, rows=rows)
    return "updated" if known else "entered"


def _rows(said: InstalmentsIn) -> list[InstalmentRow]:
    common = said.model_dump(exclude={"instalments"})
    stated = pl.DataFrame([common | one.model_dump() for one in said.instalments], orient="row")
    with duckdb.connect(":memory:", config={"threads": 1}) as con:
        con.register("stated", stated.to_arrow())
        found = con.execute(MEASURED.format(stated="stated")).fetchall()
    return [
        InstalmentRow(source, loan, currency, Instalment(number, due_date, due, paid, as_of))
        for source, loan, number, due_date, currency, due, paid, as_of in found
    ]


register(MessageKind.INSTALMENTS, handle_instalments, lambda _body: None)
