"""A single loan is pushed: the same rules as the loans feed, at once. The day's file counts when it comes.

A pushed day is provisional. When the file of that day arrives, the source is worked out anew from its files, so that
the cases are those that the files say, whichever way they came (``pipelines/intake.py``). A loan that the file of its
day lacks is missing from a full feed: that is reported, and its case stays as it was pushed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl

from ops_app.config import PROJECT_ROOT
from ops_app.domain.canonical import content_hash, key_hash
from ops_app.domain.casework.cases import case_id
from ops_app.domain.casework.loan_day import LoanDay, OlderThanKnown, as_pushed
from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.people import Actor
from ops_app.engines import intake as engine
from ops_app.services.act import act
from ops_app.services.casework.intake import IntakeFound, apply_found
from ops_app.services.casework.intake_terms import IntakeTerms, intake_rules
from ops_app.services.organisation.installation import installation, today
from ops_app.services.organisation.parameter_reading import in_force
from ops_app.store.casework import intake
from ops_app.store.store import Store, Transaction

INBOX_SOURCE = "rest/loans"
REFERENCE = PROJECT_ROOT / "data" / "reference"
LONGEST_KEY = 300


@dataclass(frozen=True)
class Pushed:
    """What a pushed loan did: ``opened``, ``closed``, ``updated`` or ``unchanged``, and the case that it is about (none
    where no rule makes a case of it)."""

    did: str
    case_id: str | None


@act("cases.push")
def push_loan(actor: Actor, store: Store, *, now: datetime, loan: LoanDay, key: str, evidence: Path) -> Pushed:
    """Take one loan in as of its day: open, update, close or reopen its case by the rules of intake. A repeated ``key``
    is given the first answer.

    Raises ``OlderThanKnown`` where the case is known as of a later day, ``Invalid`` (a day to come, no key),
    ``SameKeyOtherContent``.
    """
    if not 1 <= len(key) <= LONGEST_KEY:
        raise Invalid("The key of the request is missing.", "缺少请求编号。", field="key")
    if loan.as_of_date > today(now):
        raise Invalid("The day of the data has not come yet.", "数据日期不能晚于今天。", field="as_of_date")
    said = asdict(loan)
    with store.writing(actor, now) as transaction:
        claim = transaction.claim(INBOX_SOURCE, key, content_hash(said), said)
        claim.refuse_conflict()
        if not claim.is_new:
            return Pushed(**claim.answer)
        done = _push(transaction, loan, evidence)
        transaction.audit(
            "loan.pushed", "loan", f"{loan.source_code}/{loan.loan_id}",
            after={"as_of_date": loan.as_of_date, "key": key, **asdict(done)},
        )  # fmt: skip
        transaction.answer(INBOX_SOURCE, key, asdict(done))
    return done


def _push(transaction: Transaction, loan: LoanDay, evidence: Path) -> Pushed:
    connection = transaction.connection
    spell, is_open = intake.spell_of(connection, loan.source_code, loan.loan_id) or (0, False)
    latest = intake.latest_day(connection, loan.source_code, loan.loan_id)
    if latest is not None and loan.as_of_date < latest:
        raise OlderThanKnown(latest)
    found = _spells(loan, spell, is_open, IntakeTerms(in_force(connection)))
    did = apply_found(
        transaction,
        loan.as_of_date,
        IntakeFound(
            spells=found,
            missing=pl.DataFrame(schema={"source_code": pl.String, "loan_id": pl.String, "case_id": pl.String}),
            sent=frozenset(),
            days=[],
            debtors=[],
            alone=True,
        ),
        evidence,
    )
    mark = intake.mark_of_day(connection, loan.source_code, loan.as_of_date)
    intake.mark_day(connection, loan.source_code, loan.as_of_date, as_pushed(mark))
    about = None if found.is_empty() else case_id(loan.source_code, loan.loan_id, found["spell_no"][0])
    if about is not None and not intake.is_case(connection, about):
        about = None
    what = "opened" if did.opened else "closed" if did.closed else "updated" if did.refreshed else "unchanged"
    return Pushed(what, about)


def _spells(loan: LoanDay, spell: int, is_open: bool, terms: IntakeTerms) -> pl.DataFrame:
    """What the day makes of the loan, by the engine that reads the feed."""
    row = asdict(loan) | {
        "status": loan.status.value,
        "imputed_columns": "",
        "file_id": f"push-{key_hash('loan', loan.source_code, loan.loan_id, loan.as_of_date.isoformat())[:48]}",
        "line_no": 1,
    }
    text, number = pl.String, pl.Int64
    types = {name: number if name.endswith("_minor") or name in ("days_past_due", "line_no") else text for name in row}
    schema = types | {"as_of_date": pl.Date()}
    carried = {"source_code": loan.source_code, "loan_id": loan.loan_id, "spell_no": spell, "is_open": is_open}
    with duckdb.connect(":memory:", config={"threads": 1}) as con:
        con.register("pushed", pl.DataFrame([row], schema=schema, orient="row").to_arrow())
        con.register("carried", pl.DataFrame([carried]).filter(pl.lit(spell > 0)).to_arrow())
        con.execute(f"create temp table loan_days as {engine.measured('pushed', terms.buckets())}")
        return engine.spells(con, intake_rules(REFERENCE, installation().lenders), terms.least_days)
