"""Suspense by payment; refunds, their moves, payout files and the bank lines that close them."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import sqlalchemy as sa
from alembic import op

from ops_app.domain.canonical import key_hash
from ops_app.store.migrations.append_only import make_append_only, make_undeletable
from ops_app.store.types import Moment

revision = "0030"
down_revision = "0029"

_STANDS = sa.text("held_minor <> 0 or requested_minor <> 0")
_POSTED = sa.text("event_id is not null")
_ASKED = (
    "refund_id", "number", "item_id", "case_id", "source_code", "loan_id", "payment_id", "currency", "ground",
    "amount_minor", "payee_sealed", "payee_digest", "document", "attachment_id", "reason", "requested_by",
    "requested_at",
)  # fmt: skip
"""What was asked for: it is what was approved, and stays."""


def upgrade() -> None:
    _suspense()
    _refunds()
    _payouts()
    for table in ("refund_moves", "payout_files", "payouts", "refund_lines"):
        make_append_only(table)
    make_undeletable("refunds")
    _keep("refunds", _ASKED)
    _fill(op.get_bind())


def _suspense() -> None:
    op.create_table(
        "suspense_items",
        sa.Column("item_id", sa.String(32), primary_key=True),
        sa.Column("event_id", sa.String(32), sa.ForeignKey("ledger_events.event_id"), nullable=False),
        sa.Column("account", sa.String(32), nullable=False),
        sa.Column("case_id", sa.String(32), sa.ForeignKey("cases.case_id")),
        sa.Column("source_code", sa.String(32), nullable=False),
        sa.Column("loan_id", sa.String(200), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("payment_id", sa.String(300), nullable=False),
        sa.Column("since_date", sa.Date, nullable=False),
        sa.Column("held_minor", sa.BigInteger, nullable=False),
        sa.Column("requested_minor", sa.BigInteger, nullable=False),
        sa.Column("owner_id", sa.String(64), sa.ForeignKey("people.person_id")),
        sa.Column("version", sa.Integer, nullable=False),
        sa.UniqueConstraint("event_id", "account"),
        sa.CheckConstraint("account in ('suspense_unmatched', 'suspense_case')", name="ck_suspense_items_account"),
        sa.CheckConstraint("(account = 'suspense_case') = (case_id is not null)", name="ck_suspense_items_case"),
        sa.CheckConstraint("requested_minor >= 0", name="ck_suspense_items_requested"),
        sa.CheckConstraint("version >= 1", name="ck_suspense_items_version"),
    )
    op.create_index("ix_suspense_items_case_id", "suspense_items", ["case_id"])
    for name, column in (("standing", "since_date"), ("amount", "held_minor")):
        op.create_index(
            f"ix_suspense_items_{name}", "suspense_items", [column, "item_id"], sqlite_where=_STANDS,
            postgresql_where=_STANDS,
        )  # fmt: skip


def _refunds() -> None:
    op.create_table(
        "refunds",
        sa.Column("refund_id", sa.String(32), primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("item_id", sa.String(32), sa.ForeignKey("suspense_items.item_id"), nullable=False),
        sa.Column("case_id", sa.String(32), sa.ForeignKey("cases.case_id")),
        sa.Column("source_code", sa.String(32), nullable=False),
        sa.Column("loan_id", sa.String(200), nullable=False),
        sa.Column("payment_id", sa.String(300), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("ground", sa.String(16), nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("held_part_minor", sa.BigInteger, nullable=False),
        sa.Column("payee_sealed", sa.Text, nullable=False),
        sa.Column("payee_digest", sa.String(64), nullable=False),
        sa.Column("payee_name_masked", sa.String(16), nullable=False),
        sa.Column("payee_account_masked", sa.String(16), nullable=False),
        sa.Column("document", sa.String(200), nullable=False),
        sa.Column("attachment_id", sa.String(64)),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("requested_by", sa.String(64), nullable=False),
        sa.Column("requested_by_name", sa.String(200), nullable=False),
        sa.Column("requested_at", Moment, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("event_id", sa.String(32), sa.ForeignKey("ledger_events.event_id")),
        sa.Column("paid_event_id", sa.String(32), sa.ForeignKey("ledger_events.event_id")),
        sa.Column("paid_date", sa.Date),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("move_count", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.UniqueConstraint("number"),
        sa.CheckConstraint(
            "state in ('requested', 'in_approval', 'returned', 'approved', 'in_payout', 'paid', 'failed', 'rejected',"
            " 'withdrawn', 'lapsed')",
            name="ck_refunds_state",
        ),
        sa.CheckConstraint("ground in ('overpayment', 'wrong_deduction')", name="ck_refunds_ground"),
        sa.CheckConstraint("amount_minor > 0 and held_part_minor between 0 and amount_minor", name="ck_refunds_amount"),
        sa.CheckConstraint("ground <> 'overpayment' or held_part_minor = amount_minor", name="ck_refunds_overpayment"),
        sa.CheckConstraint(
            "state not in ('approved', 'in_payout', 'paid', 'failed') or event_id is not null",
            name="ck_refunds_posted",
        ),
        sa.CheckConstraint("(state = 'paid') = (paid_event_id is not null)", name="ck_refunds_paid"),
        sa.CheckConstraint("(paid_event_id is null) = (paid_date is null)", name="ck_refunds_paid_date"),
        sa.CheckConstraint(
            "number >= 1 and version >= 1 and attempts >= 0 and move_count >= 1", name="ck_refunds_version"
        ),
    )
    for columns in (
        ["state", "requested_at", "refund_id"], ["requested_at", "refund_id"], ["amount_minor", "refund_id"],
        ["item_id"], ["source_code", "payment_id"], ["case_id"],
    ):  # fmt: skip
        op.create_index(f"ix_refunds_{'_'.join(columns)}", "refunds", columns)
    op.create_index(
        "uq_refunds_event", "refunds", ["event_id"], unique=True, sqlite_where=_POSTED, postgresql_where=_POSTED
    )
    op.create_table(
        "refund_moves",
        sa.Column("refund_id", sa.String(32), sa.ForeignKey("refunds.refund_id"), primary_key=True),
        sa.Column("nth", sa.Integer, primary_key=True),
        sa.Column("what", sa.String(16), nullable=False),
        sa.Column("from_state", sa.String(16)),
        sa.Column("to_state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("made_by_name", sa.String(200), nullable=False),
        sa.Column("made_at", Moment, nullable=False),
        sa.CheckConstraint("nth >= 1", name="ck_refund_moves_nth"),
    )


def _payouts() -> None:
    op.create_table(
        "payout_files",
        sa.Column("file_id", sa.String(32), primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("source_code", sa.String(32), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("template_json", sa.Text, nullable=False),
        sa.Column("execution_date", sa.Date, nullable=False),
        sa.Column("payouts", sa.Integer, nullable=False),
        sa.Column("total_minor", sa.BigInteger, nullable=False),
        sa.Column("file_hash", sa.String(64), nullable=False),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("made_at", Moment, nullable=False),
        sa.UniqueConstraint("number"),
        sa.CheckConstraint("number >= 1 and payouts >= 1 and total_minor > 0", name="ck_payout_files_content"),
    )
    op.create_table(
        "payouts",
        sa.Column("reference", sa.String(32), primary_key=True),
        sa.Column("refund_id", sa.String(32), sa.ForeignKey("refunds.refund_id"), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("file_id", sa.String(32), sa.ForeignKey("payout_files.file_id"), nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("refund_id", "attempt"),
        sa.UniqueConstraint("refund_id", "file_id"),
        sa.CheckConstraint("attempt >= 1 and amount_minor > 0", name="ck_payouts_attempt"),
    )
    op.create_index("ix_payouts_file_id", "payouts", ["file_id"])
    op.create_table(
        "refund_lines",
        sa.Column("source_code", sa.String(32), primary_key=True),
        sa.Column("account", sa.String(64), primary_key=True),
        sa.Column("line_id", sa.String(200), primary_key=True),
        sa.Column("reference", sa.String(32), sa.ForeignKey("payouts.reference"), nullable=False),
        sa.Column("what", sa.String(16), nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("value_date", sa.Date, nullable=False),
        sa.Column("event_id", sa.String(32), sa.ForeignKey("ledger_events.event_id"), nullable=False),
        sa.Column("noted_at", Moment, nullable=False),
        sa.UniqueConstraint("reference", "what"),
        sa.CheckConstraint("what in ('paid', 'returned')", name="ck_refund_lines_what"),
        sa.CheckConstraint("amount_minor > 0", name="ck_refund_lines_amount"),
    )
    op.create_table(
        "refund_reports",
        sa.Column("source_code", sa.String(32), primary_key=True),
        sa.Column("payment_id", sa.String(200), primary_key=True),
        sa.Column("refund_id", sa.String(32), sa.ForeignKey("refunds.refund_id"), nullable=False),
        sa.Column("is_same", sa.Integer, nullable=False),
        sa.Column("noted_at", Moment, nullable=False),
        sa.UniqueConstraint("refund_id"),
        sa.CheckConstraint("is_same in (0, 1)", name="ck_refund_reports_same"),
    )


def _keep(table: str, columns: tuple[str, ...]) -> None:
    """No update changes one of these columns, whoever writes it and however."""
    message = f"{table}: what was asked for is never changed"
    if op.get_bind().dialect.name == "sqlite":
        differs = " or ".join(f"new.{one} is not old.{one}" for one in columns)
        op.execute(
            f"create trigger {table}_keep before update on {table} when {differs}"
            f" begin select raise(abort, '{message}'); end"
        )
        return
    differs = " or ".join(f"new.{one} is distinct from old.{one}" for one in columns)
    op.execute(
        f"create function {table}_keep() returns trigger language plpgsql as"
        f" $$ begin if {differs} then raise exception '{message}' using errcode = 'integrity_constraint_violation';"
        f" end if; return new; end $$"
    )
    op.execute(f"create trigger {table}_keep before update on {table} for each row execute function {table}_keep()")


def _fill(bind: Any) -> None:
    """What stands in suspense of an installation that has money there already: by the receipt that brought it, as its
    lines say; a refund that names no payment is taken from the oldest, as it was posted."""
    rows = bind.execute(
        sa.text(
            "select v.event_id, v.kind, v.case_id, v.source_code, v.loan_id, v.currency, v.value_date, v.target_id,"
            " v.cause, v.cause_id, v.terms_json, l.debit_account, l.credit_account, l.amount_minor"
            " from journal_lines l join journal_entries e on e.entry_id = l.entry_id"
            " join ledger_events v on v.event_id = e.event_id"
            " where l.debit_account in ('suspense_unmatched', 'suspense_case')"
            " or l.credit_account in ('suspense_unmatched', 'suspense_case') order by v.seq, e.entry_no, l.line_no"
        )
    ).all()
    known: dict[str, Any] = {row.event_id: row for row in rows}
    held: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        for account, sign in ((row.credit_account, 1), (row.debit_account, -1)):
            if account not in ("suspense_unmatched", "suspense_case"):
                continue
            at, steps = row, 0
            while at.target_id in known and steps < 8 and not _own(at, account):
                at, steps = known[at.target_id], steps + 1
            held[at.event_id, account] += sign * row.amount_minor
    for (event_id, account), minor in list(held.items()):
        if minor < 0 and known[event_id].kind == "refund":
            _take_from_oldest(held, known, event_id, account)
    for (event_id, account), minor in held.items():
        row = known[event_id]
        if minor == 0:
            continue
        bind.execute(
            sa.text(
                "insert into suspense_items (item_id, event_id, account, case_id, source_code, loan_id, currency,"
                " payment_id, since_date, held_minor, requested_minor, version) values (:item_id, :event_id, :account,"
                " :case_id, :source_code, :loan_id, :currency, :payment_id, :since_date, :held_minor, 0, 1)"
            ),
            {
                "item_id": key_hash("suspense", account, event_id)[:32], "event_id": event_id, "account": account,
                "case_id": row.case_id if account == "suspense_case" else None, "source_code": row.source_code,
                "loan_id": row.loan_id, "currency": row.currency,
                "payment_id": row.cause_id.split("/", 1)[-1] if row.cause == "payment" else row.cause_id,
                "since_date": row.value_date, "held_minor": minor,
            },
        )  # fmt: skip


def _own(row: Any, account: str) -> bool:
    """A receipt that brought money onto this account from elsewhere holds it itself."""
    funding = json.loads(row.terms_json).get("funding", "cash")
    return bool(row.kind == "receipt" and funding != account)


def _take_from_oldest(held: dict[tuple[str, str], int], known: dict[str, Any], event_id: str, account: str) -> None:
    case_id, source, currency = known[event_id].case_id, known[event_id].source_code, known[event_id].currency
    alike = sorted(
        (one for one in held if one[1] == account and held[one] > 0 and known[one[0]].case_id == case_id
         and (known[one[0]].source_code, known[one[0]].currency) == (source, currency)),
        key=lambda one: (str(known[one[0]].value_date), one[0]),
    )  # fmt: skip
    for one in alike if case_id is not None else ():
        taken = min(held[one], -held[event_id, account])
        held[one] -= taken
        held[event_id, account] += taken
