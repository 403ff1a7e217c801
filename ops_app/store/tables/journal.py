"""Tables of the journal: events of the ledger, the entries they post, and where each case stands.

Events, entries and lines are append-only. An entry is inserted after its lines and seals them: triggers of the
migration refuse an entry whose total is not the sum of its lines, and a line for an entry that is there.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy import UniqueConstraint as Unique

from ops_app.store.tables.base import metadata
from ops_app.store.types import CountedKey, Moment

_UNDOES = text("kind in ('reversal', 'cancellation')")
_NAMES = text("target_id is not null")
_OPEN = text("state = 'open'")
_PAID = "coalesce(cause, '') = 'payment' and "
_PAST = "length(terms_json) - length(replace(terms_json, '\"outside\"', ''))"
POSTED_WHERE = {
    "case": text(f"{_PAID}case_id is not null"),
    "outside": text(f"{_PAID}coalesce(case_id, '') = '' and {_PAST} > 0"),
    "suspense": text(f"{_PAID}coalesce(case_id, '') = '' and {_PAST} = 0"),
}
"""Where the event of a payment was posted → the condition of its index; a query says it in the same words, and in none
that another index would be taken for."""
PARTS = ("principal", "interest", "fees", "penalty", "costs")

ledger_events = Table(
    "ledger_events",
    metadata,
    Column("seq", CountedKey, primary_key=True, autoincrement=True),
    Column("event_id", String(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("case_id", String(32), ForeignKey("cases.case_id")),
    Column("source_code", String(32), nullable=False),
    Column("loan_id", String(200), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("value_date", Date, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    *(Column(f"{part}_minor", BigInteger, nullable=False) for part in PARTS),
    Column("target_id", String(32), ForeignKey("ledger_events.event_id")),
    Column("cause", String(16), nullable=False),
    Column("cause_id", String(300), nullable=False),
    Column("terms_json", Text, nullable=False),
    Column("reason", Text),
    Column("recorded_by", String(64), nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Unique("event_id"),
    # what happened once has one event, whatever the channel, repetition or crash
    Unique("cause", "cause_id"),
    CheckConstraint(
        "kind in ('opening', 'accrual', 'receipt', 'reversal', 'refund', 'waiver', 'write_off', 'correction',"
        " 'closing', 'cancellation')",
        name="ck_ledger_events_kind",
    ),
    CheckConstraint("amount_minor >= 0", name="ck_ledger_events_amount"),
    CheckConstraint(
        "kind = 'correction' or (" + " and ".join(f"{part}_minor >= 0" for part in PARTS) + ")",
        name="ck_ledger_events_parts",
    ),
    CheckConstraint(
        "kind not in ('reversal', 'cancellation') or target_id is not null", name="ck_ledger_events_target"
    ),
    Index(None, "case_id", "seq"),
    Index(None, "source_code", "loan_id"),
    Index(None, "target_id", sqlite_where=_NAMES, postgresql_where=_NAMES),
    # payments by where they were posted
    *(
        Index(f"ix_ledger_events_paid_{place}", "value_date", "cause_id", sqlite_where=where, postgresql_where=where)
        for place, where in POSTED_WHERE.items()
    ),
    # an event is undone once
    Index("uq_ledger_events_undone", "target_id", unique=True, sqlite_where=_UNDOES, postgresql_where=_UNDOES),
)

journal_entries = Table(
    "journal_entries",
    metadata,
    Column("entry_no", CountedKey, primary_key=True, autoincrement=True),
    Column("entry_id", String(32), nullable=False),
    Column("event_id", String(32), ForeignKey("ledger_events.event_id"), nullable=False),
    Column("nth", Integer, nullable=False),
    Column("reverses_entry_id", String(32), ForeignKey("journal_entries.entry_id")),
    Column("because_event_id", String(32), ForeignKey("ledger_events.event_id")),
    Column("case_id", String(32), ForeignKey("cases.case_id")),
    Column("source_code", String(32), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("value_date", Date, nullable=False),
    Column("accounting_date", Date, nullable=False),
    Column("posted_at", Moment, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Unique("entry_id"),
    Unique("event_id", "nth"),
    # an entry is reversed once
    Unique("reverses_entry_id"),
    CheckConstraint("nth >= 1", name="ck_journal_entries_nth"),
    CheckConstraint("total_minor > 0", name="ck_journal_entries_total"),
    Index(None, "case_id", "entry_no"),
    Index(None, "accounting_date", "entry_no"),
    Index(None, "posted_at"),
)

journal_lines = Table(
    "journal_lines",
    metadata,
    Column(
        "entry_id",
        String(32),
        ForeignKey("journal_entries.entry_id", deferrable=True, initially="DEFERRED"),
        primary_key=True,
    ),
    Column("line_no", Integer, primary_key=True),
    Column("debit_account", String(32), nullable=False),
    Column("credit_account", String(32), nullable=False),
    Column("component", String(16)),
    Column("amount_minor", BigInteger, nullable=False),
    Column("case_id", String(32)),
    Column("source_code", String(32), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("accounting_date", Date, nullable=False),
    CheckConstraint("amount_minor > 0", name="ck_journal_lines_amount"),
    CheckConstraint("debit_account <> credit_account", name="ck_journal_lines_sides"),
    CheckConstraint(
        "component in ('principal', 'interest', 'fees', 'penalty', 'costs')", name="ck_journal_lines_component"
    ),
    Index(None, "debit_account", "accounting_date", "entry_id"),
    Index(None, "credit_account", "accounting_date", "entry_id"),
    Index(None, "case_id"),
)

ledger_positions = Table(
    "ledger_positions",
    metadata,
    Column("case_id", String(32), ForeignKey("cases.case_id"), primary_key=True),
    Column("source_code", String(32), nullable=False),
    Column("currency", String(3), nullable=False),
    *(Column(f"{part}_minor", BigInteger, nullable=False) for part in PARTS),
    *(Column(f"written_off_{part}_minor", BigInteger, nullable=False) for part in PARTS),
    Column("held_minor", BigInteger, nullable=False),
    Column("method", String(16)),
    Column("opening_date", Date, nullable=False),
    Column("last_date", Date, nullable=False),
    Column("last_rank", Integer, nullable=False),
    Column("last_turn", String(300), nullable=False),
    Column("is_closed", Boolean, nullable=False),
    CheckConstraint(
        " and ".join(f"{lead}{part}_minor >= 0" for lead in ("", "written_off_") for part in PARTS),
        name="ck_ledger_positions_owed",
    ),
    CheckConstraint("method in ('direct', 'allowance')", name="ck_ledger_positions_method"),
    Index(None, "source_code"),
)

ledger_differences = Table(
    "ledger_differences",
    metadata,
    Column("difference_id", String(32), primary_key=True),
    Column("case_id", String(32), ForeignKey("cases.case_id"), nullable=False),
    Column("component", String(16), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("ledger_minor", BigInteger, nullable=False),
    Column("feed_minor", BigInteger, nullable=False),
    Column("as_of_date", Date, nullable=False),
    Column("opened_date", Date, nullable=False),
    Column("state", String(16), nullable=False),
    Column("owner_id", String(64)),
    Column("reason", Text),
    Column("decided_by", String(64)),
    Column("decided_at", Moment),
    Column("version", Integer, nullable=False),
    CheckConstraint("state in ('open', 'cleared', 'accepted')", name="ck_ledger_differences_state"),
    CheckConstraint("state <> 'open' or ledger_minor <> feed_minor", name="ck_ledger_differences_differs"),
    Index("uq_ledger_differences_open", "case_id", "component", unique=True, sqlite_where=_OPEN,
          postgresql_where=_OPEN),
    Index(None, "state", "opened_date", "difference_id"),
    Index(None, "owner_id", "state", "opened_date", "difference_id"),
    Index(None, "component", "state", "opened_date", "difference_id"),
)  # fmt: skip
