"""The journal: events of the ledger, entries with their lines, where each case stands, differences from the feed."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op

from ops_app.domain.canonical import key_hash
from ops_app.store.migrations.append_only import make_append_only
from ops_app.store.types import CountedKey, Moment

revision = "0022"
down_revision = "0021"

_PARTS = ("principal", "interest", "fees", "penalty", "costs")
_UNDOES = sa.text("kind in ('reversal', 'cancellation')")
_OPEN = sa.text("state = 'open'")


def upgrade() -> None:
    _events()
    _entries()
    _positions()
    _differences()
    for table in ("ledger_events", "journal_entries", "journal_lines"):
        make_append_only(table)
    _seal_entries()
    _post_what_was_recorded()
    names = sa.text("reverses_payment_id is not null")
    op.create_index(
        "ix_payments_reverses", "payments", ["source_code", "reverses_payment_id"], sqlite_where=names,
        postgresql_where=names,
    )  # fmt: skip


def _events() -> None:
    not_below = " and ".join(f"{part}_minor >= 0" for part in _PARTS)
    op.create_table(
        "ledger_events",
        sa.Column("seq", CountedKey, primary_key=True, autoincrement=True),
        sa.Column("event_id", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("case_id", sa.String(32), sa.ForeignKey("cases.case_id")),
        sa.Column("source_code", sa.String(32), nullable=False),
        sa.Column("loan_id", sa.String(200), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("value_date", sa.Date, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        *(sa.Column(f"{part}_minor", sa.BigInteger, nullable=False) for part in _PARTS),
        sa.Column("target_id", sa.String(32), sa.ForeignKey("ledger_events.event_id")),
        sa.Column("cause", sa.String(16), nullable=False),
        sa.Column("cause_id", sa.String(300), nullable=False),
        sa.Column("terms_json", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("recorded_by", sa.String(64), nullable=False),
        sa.Column("recorded_at", Moment, nullable=False),
        sa.UniqueConstraint("event_id"),
        sa.UniqueConstraint("cause", "cause_id"),
        sa.CheckConstraint(
            "kind in ('opening', 'accrual', 'receipt', 'reversal', 'refund', 'waiver', 'write_off', 'correction',"
            " 'closing', 'cancellation')",
            name="ck_ledger_events_kind",
        ),
        sa.CheckConstraint("amount_minor >= 0", name="ck_ledger_events_amount"),
        sa.CheckConstraint(f"kind = 'correction' or ({not_below})", name="ck_ledger_events_parts"),
        sa.CheckConstraint(
            "kind not in ('reversal', 'cancellation') or target_id is not null", name="ck_ledger_events_target"
        ),
    )
    op.create_index("ix_ledger_events_case_id_seq", "ledger_events", ["case_id", "seq"])
    op.create_index("ix_ledger_events_source_code_loan_id", "ledger_events", ["source_code", "loan_id"])
    names = sa.text("target_id is not null")
    op.create_index(
        "ix_ledger_events_target_id", "ledger_events", ["target_id"], sqlite_where=names, postgresql_where=names
    )
    op.create_index(
        "uq_ledger_events_undone", "ledger_events", ["target_id"], unique=True, sqlite_where=_UNDOES,
        postgresql_where=_UNDOES,
    )  # fmt: skip


def _entries() -> None:
    op.create_table(
        "journal_entries",
        sa.Column("entry_no", CountedKey, primary_key=True, autoincrement=True),
        sa.Column("entry_id", sa.String(32), nullable=False),
        sa.Column("event_id", sa.String(32), sa.ForeignKey("ledger_events.event_id"), nullable=False),
        sa.Column("nth", sa.Integer, nullable=False),
        sa.Column("reverses_entry_id", sa.String(32), sa.ForeignKey("journal_entries.entry_id")),
        sa.Column("because_event_id", sa.String(32), sa.ForeignKey("ledger_events.event_id")),
        sa.Column("case_id", sa.String(32), sa.ForeignKey("cases.case_id")),
        sa.Column("source_code", sa.String(32), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("value_date", sa.Date, nullable=False),
        sa.Column("accounting_date", sa.Date, nullable=False),
        sa.Column("posted_at", Moment, nullable=False),
        sa.Column("total_minor", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("entry_id"),
        sa.UniqueConstraint("event_id", "nth"),
        sa.UniqueConstraint("reverses_entry_id"),
        sa.CheckConstraint("nth >= 1", name="ck_journal_entries_nth"),
        sa.CheckConstraint("total_minor > 0", name="ck_journal_entries_total"),
    )
    op.create_index("ix_journal_entries_case_id_entry_no", "journal_entries", ["case_id", "entry_no"])
    op.create_index("ix_journal_entries_accounting_date_entry_no", "journal_entries", ["accounting_date", "entry_no"])
    op.create_table(
        "journal_lines",
        sa.Column(
            "entry_id",
            sa.String(32),
            sa.ForeignKey("journal_entries.entry_id", deferrable=True, initially="DEFERRED"),
            primary_key=True,
        ),
        sa.Column("line_no", sa.Integer, primary_key=True),
        sa.Column("debit_account", sa.String(32), nullable=False),
        sa.Column("credit_account", sa.String(32), nullable=False),
        sa.Column("component", sa.String(16)),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("case_id", sa.String(32)),
        sa.Column("source_code", sa.String(32), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("accounting_date", sa.Date, nullable=False),
        sa.CheckConstraint("amount_minor > 0", name="ck_journal_lines_amount"),
        sa.CheckConstraint("debit_account <> credit_account", name="ck_journal_lines_sides"),
        sa.CheckConstraint(
            "component in ('principal', 'interest', 'fees', 'penalty', 'costs')", name="ck_journal_lines_component"
        ),
    )
    for side in ("debit_account", "credit_account"):
        op.create_index(
            f"ix_journal_lines_{side}_accounting_date_entry_id", "journal_lines", [side, "accounting_date", "entry_id"]
        )
    op.create_index("ix_journal_lines_case_id", "journal_lines", ["case_id"])


def _positions() -> None:
    amounts = [f"{lead}{part}_minor" for lead in ("", "written_off_") for part in _PARTS]
    op.create_table(
        "ledger_positions",
        sa.Column("case_id", sa.String(32), sa.ForeignKey("cases.case_id"), primary_key=True),
        sa.Column("source_code", sa.String(32), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in amounts),
        sa.Column("held_minor", sa.BigInteger, nullable=False),
        sa.Column("method", sa.String(16)),
        sa.Column("opening_date", sa.Date, nullable=False),
        sa.Column("last_date", sa.Date, nullable=False),
        sa.Column("last_rank", sa.Integer, nullable=False),
        sa.Column("last_turn", sa.String(300), nullable=False),
        sa.Column("is_closed", sa.Boolean, nullable=False),
        sa.CheckConstraint(" and ".join(f"{name} >= 0" for name in amounts), name="ck_ledger_positions_owed"),
        sa.CheckConstraint("method in ('direct', 'allowance')", name="ck_ledger_positions_method"),
    )
    op.create_index("ix_ledger_positions_source_code", "ledger_positions", ["source_code"])


def _differences() -> None:
    op.create_table(
        "ledger_differences",
        sa.Column("difference_id", sa.String(32), primary_key=True),
        sa.Column("case_id", sa.String(32), sa.ForeignKey("cases.case_id"), nullable=False),
        sa.Column("component", sa.String(16), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("ledger_minor", sa.BigInteger, nullable=False),
        sa.Column("feed_minor", sa.BigInteger, nullable=False),
        sa.Column("as_of_date", sa.Date, nullable=False),
        sa.Column("opened_date", sa.Date, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("owner_id", sa.String(64)),
        sa.Column("reason", sa.Text),
        sa.Column("decided_by", sa.String(64)),
        sa.Column("decided_at", Moment),
        sa.Column("version", sa.Integer, nullable=False),
        sa.CheckConstraint("state in ('open', 'cleared', 'accepted')", name="ck_ledger_differences_state"),
        sa.CheckConstraint("state <> 'open' or ledger_minor <> feed_minor", name="ck_ledger_differences_differs"),
    )
    op.create_index(
        "uq_ledger_differences_open", "ledger_differences", ["case_id", "component"], unique=True, sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )  # fmt: skip
    op.create_index(
        "ix_ledger_differences_state_opened_date_difference_id", "ledger_differences",
        ["state", "opened_date", "difference_id"],
    )  # fmt: skip


def _seal_entries() -> None:
    """An entry comes after its lines: its total is their sum, and no line is added to an entry that is there."""
    whole = (
        "new.total_minor <> (select coalesce(sum(amount_minor), 0) from journal_lines where entry_id = new.entry_id)"
    )
    sealed = "exists (select 1 from journal_entries where entry_id = new.entry_id)"
    rules = (
        ("journal_entries", "whole", whole, "the total of an entry is the sum of its lines"),
        ("journal_lines", "sealed", sealed, "no line is added to an entry that is posted"),
    )
    for table, name, when, message in rules:
        if op.get_bind().dialect.name == "sqlite":
            op.execute(
                f"create trigger {table}_{name} before insert on {table} when {when}"
                f" begin select raise(abort, '{message}'); end"
            )
            continue
        op.execute(
            f"create function {table}_{name}() returns trigger language plpgsql as"
            f" $$ begin if {when} then raise exception '{message}'; end if; return new; end $$"
        )
        op.execute(
            f"create trigger {table}_{name} before insert on {table} for each row execute function {table}_{name}()"
        )


def _post_what_was_recorded() -> None:
    """Payments that were recorded before there was a journal passed outside of it: the lender's balance, with which a
    case will be taken over, has them already."""
    connection = op.get_bind()
    rows = connection.execute(
        sa.text(
            "select source_code, payment_id, loan_id, kind, reverses_payment_id, value_date, amount_minor, currency,"
            " recorded_at from payments order by case kind when 'payment' then 0 else 1 end, value_date, payment_id"
        ).columns(value_date=sa.Date, recorded_at=Moment)
    ).mappings()
    made = sa.MetaData()
    events, lines, entries = (
        sa.Table(name, made, autoload_with=connection) for name in ("ledger_events", "journal_lines", "journal_entries")
    )
    posted: dict[str, int] = {}
    undone: set[str] = set()
    for row in rows:
        cause_id = f"{row['source_code']}/{row['payment_id']}"
        event_id = key_hash("ledger_event", "payment", cause_id)[:32]
        target, kind = None, "receipt"
        if row["kind"] != "payment":
            kind = "refund"
            if row["reverses_payment_id"] is not None:
                target = key_hash("ledger_event", "payment", f"{row['source_code']}/{row['reverses_payment_id']}")[:32]
                if target not in posted or target in undone:
                    continue
                if row["kind"] == "reversal" and row["amount_minor"] >= posted[target]:
                    kind = "reversal"
                    undone.add(target)
        amount = posted[str(target)] if kind == "reversal" else row["amount_minor"]
        posted[event_id] = amount
        common = {"source_code": row["source_code"], "currency": row["currency"]}
        connection.execute(
            sa.insert(events).values(
                event_id=event_id, kind=kind, case_id=None, loan_id=row["loan_id"], value_date=row["value_date"],
                amount_minor=row["amount_minor"], **{f"{part}_minor": 0 for part in _PARTS}, target_id=target,
                cause="payment", cause_id=cause_id, terms_json='{"place":"outside"}', recorded_by="system",
                recorded_at=_stored(connection, row["recorded_at"]), **common,
            )
        )  # fmt: skip
        entry_id = key_hash("journal_entry", event_id, "1")[:32]
        debit, credit = ("cash", "outside") if kind == "receipt" else ("outside", "cash")
        connection.execute(
            sa.insert(lines).values(
                entry_id=entry_id, line_no=1, debit_account=debit, credit_account=credit, amount_minor=amount,
                accounting_date=row["value_date"], **common,
            )
        )  # fmt: skip
        connection.execute(
            sa.insert(entries).values(
                entry_id=entry_id, event_id=event_id, nth=1, value_date=row["value_date"],
                accounting_date=row["value_date"], posted_at=_stored(connection, row["recorded_at"]),
                total_minor=amount, **common,
            )
        )  # fmt: skip


def _stored(connection: sa.Connection, moment: datetime) -> datetime:
    """A moment as its column takes it without the house's type."""
    return moment.replace(tzinfo=None) if connection.dialect.name == "sqlite" else moment
