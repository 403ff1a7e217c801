"""What a run of intake makes of the spells it found: cases to open, to refresh, to move. Frames in, values out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from ops_app.domain.casework.cases import CaseMove, CaseState, CloseReason, Position, move
from ops_app.store.casework.intake import CLOSING, FACTS, KNOWN, OPENING

_OPENED = {"rule": "opened_rule", "rule_version": "opened_rule_version"}
_TYPES = {
    "lender_code": pl.String, "collector_id": pl.String, "written_off_date": pl.Date, "closed_date": pl.Date,
    "close_reason": pl.String, "closed_rule_version": pl.Int64, "closed_file_id": pl.String,
    "closed_line_no": pl.Int64, "opened_date": pl.Date, "as_of_date": pl.Date, "opened_rule_version": pl.Int64,
    "opened_line_no": pl.Int64, "principal_minor": pl.Int64, "interest_minor": pl.Int64, "fees_minor": pl.Int64,
    "penalty_minor": pl.Int64, "balance_minor": pl.Int64, "days_past_due": pl.Int64,
}  # fmt: skip


@dataclass(frozen=True)
class Differences:
    """Rows of spells by what must be done: ``new`` cases, ``fresh`` facts, and cases to close, to take up again, whose
    opening or closing reads otherwise, that were written off, that are due for placement; ``withdrawn``: ids of cases
    whose spell later data took away; ``reopens``: whether any opening reads otherwise."""

    new: list[dict[str, Any]]
    fresh: list[dict[str, Any]]
    reopens: bool
    closed: dict[str, dict[str, Any]]
    revived: dict[str, dict[str, Any]]
    restated: dict[str, dict[str, Any]]
    written_off: dict[str, dict[str, Any]]
    due: dict[str, dict[str, Any]]
    withdrawn: list[str]

    @property
    def touched(self) -> list[str]:
        """Every case that moves."""
        moving = self.closed.keys() | self.revived.keys() | self.restated.keys()
        return sorted(moving | self.written_off.keys() | self.due.keys() | set(self.withdrawn))


def differences(spells: pl.DataFrame, known: Sequence[tuple[Any, ...]], whole: Collection[str]) -> Differences:
    """The spells held against the cases that are there (the columns ``KNOWN``)."""
    told = spells.rename(_OPENED)
    schema = {name: _TYPES.get(name, pl.String) for name in KNOWN}
    there = pl.DataFrame(list(known), schema=schema, orient="row").rename(
        {name: f"was_{name}" for name in KNOWN if name != "case_id"}
    )
    new = told.join(there, on="case_id", how="anti").filter(pl.col("opened_date").is_not_null())
    both = told.join(there, on="case_id", how="inner")
    # in a day's own run the opening of a case that is there lies on an earlier day
    reads_whole = pl.col("source_code").is_in(sorted(whole)) | (pl.col("was_close_reason").fill_null("") == "withdrawn")
    both = both.filter(~reads_whole | pl.col("opened_date").is_not_null())
    was_open, is_open = pl.col("was_closed_date").is_null(), pl.col("closed_date").is_null()
    opening = reads_whole & _differ(OPENING)
    # a payment closed it and no line of a feed has yet; a row of that day or before knows nothing of the payment
    by_payment = (
        pl.col("was_close_reason").is_in([CloseReason.PAID.value, CloseReason.CURED.value])
        & pl.col("was_closed_file_id").is_null()
    ).fill_null(value=False)
    paid_since = by_payment & (pl.col("as_of_date") <= pl.col("was_closed_date")).fill_null(value=False)
    reads = (was_open | reads_whole | (by_payment & is_open)) & ~paid_since
    fresh = both.filter((_differ(FACTS) & reads) | opening).with_columns(
        pl.when(reads_whole).then(pl.col(name)).otherwise(pl.col(f"was_{name}")).alias(name) for name in OPENING
    )
    gone = there.filter(
        pl.col("was_source_code").is_in(sorted(whole)), pl.col("was_close_reason").fill_null("") != "withdrawn"
    ).join(told.filter(pl.col("opened_date").is_not_null()), on="case_id", how="anti")
    unowned = pl.col("was_state").is_in([CaseState.TO_ASSIGN.value]) & pl.col("was_collector_id").is_null()
    return Differences(
        new=new.to_dicts(),
        fresh=fresh.to_dicts(),
        reopens=not both.filter(opening).is_empty(),
        closed=_by_id(both.filter(was_open & ~is_open)),
        revived=_by_id(both.filter(~was_open & is_open & ~paid_since)),
        # what a payment closed and the feed closes too is the feed's from then on
        restated=_by_id(
            both.filter((reads_whole & (opening | (~was_open & ~is_open & _differ(CLOSING)))) | (by_payment & ~is_open))
        ),
        written_off=_by_id(
            both.filter(was_open, pl.col("was_written_off_date").is_null(), pl.col("written_off_date").is_not_null())
        ),
        due=_by_id(both.filter(was_open & is_open & unowned & pl.col("is_due_for_placement"))),
        withdrawn=sorted(gone["case_id"].to_list()),
    )


def opened(row: Mapping[str, Any]) -> tuple[dict[str, Any], list[tuple[str, CaseState, Position]]]:
    """A new case as it is stored, and the steps it went through: what, from, to."""
    steps: list[tuple[str, CaseState, Position]] = []
    position = Position(CaseState.ENTERED)
    steps.append(("opened", CaseState.ENTERED, position))
    first = (
        CaseMove.WRITE_OFF
        if row["written_off_date"] is not None
        else CaseMove.QUEUE
        if row["is_due_for_placement"]
        else CaseMove.OPEN_QUEUE
    )
    for what in (first, *((CaseMove.CLOSE,) if row["closed_date"] is not None else ())):
        after = move(position, what)
        steps.append((what.value, position.state, after))
        position = after
    values = {name: row[name] for name in (*FACTS, *OPENING, *CLOSING, "case_id", "source_code", "loan_id", "spell_no")}
    values |= {
        "state": position.state.value,
        "state_before": None,
        "custody": position.custody.value,
        "agency_code": None,
        "collector_id": None,
        "flags": "",
        "written_off_date": row["written_off_date"],
        "event_count": len(steps),
        "version": 1,
    }
    return values, steps


def _differ(columns: Sequence[str]) -> pl.Expr:
    return pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"was_{name}")) for name in columns)


def _by_id(frame: pl.DataFrame) -> dict[str, dict[str, Any]]:
    return {row["case_id"]: row for row in frame.to_dicts()}
