"""What a payment does to its case: holds of contact, schedules of loans; indexes of the list of payments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ops_app.store.types import Moment

revision = "0028"
down_revision = "0027"

_STANDS = sa.text("ended_at is null")
_WAITS = sa.text("ended_at is null and due_at is not null")
_PAID = "coalesce(cause, '') = 'payment' and "
_PAST = "length(terms_json) - length(replace(terms_json, '\"outside\"', ''))"
_POSTED = {
    "case": f"{_PAID}case_id is not null",
    "outside": f"{_PAID}coalesce(case_id, '') = '' and {_PAST} > 0",
    "suspense": f"{_PAID}coalesce(case_id, '') = '' and {_PAST} = 0",
}


def upgrade() -> None:
    op.create_table(
        "contact_holds",
        sa.Column("hold_id", sa.String(32), primary_key=True),
        sa.Column("case_id", sa.String(32), sa.ForeignKey("cases.case_id"), nullable=False),
        sa.Column("cause", sa.String(24), nullable=False),
        sa.Column("because_id", sa.String(300), nullable=False),
        sa.Column("begun_at", Moment, nullable=False),
        sa.Column("begun_by", sa.String(64), nullable=False),
        sa.Column("until_at", Moment),
        sa.Column("due_at", Moment),
        sa.Column("owner_id", sa.String(64), sa.ForeignKey("people.person_id")),
        sa.Column("ended_at", Moment),
        sa.Column("ended_by", sa.String(64)),
        sa.Column("end_kind", sa.String(16)),
        sa.Column("end_reason", sa.Text),
        sa.Column("version", sa.Integer, nullable=False),
        sa.CheckConstraint(
            "cause in ('payment_received', 'payment_unmatched', 'payment_disputed')", name="ck_contact_holds_cause"
        ),
        sa.CheckConstraint("(cause = 'payment_received') = (until_at is not null)", name="ck_contact_holds_until"),
        sa.CheckConstraint("(cause = 'payment_received') = (due_at is null)", name="ck_contact_holds_due"),
        sa.CheckConstraint("(ended_at is null) = (end_kind is null)", name="ck_contact_holds_ended"),
        sa.CheckConstraint(
            "end_kind in ('time', 'followed', 'reversed', 'posted', 'closed', 'released')",
            name="ck_contact_holds_end_kind",
        ),
        sa.CheckConstraint("end_kind <> 'released' or end_reason is not null", name="ck_contact_holds_end_reason"),
        sa.CheckConstraint("ended_at is null or ended_at >= begun_at", name="ck_contact_holds_order"),
        sa.CheckConstraint("version >= 1", name="ck_contact_holds_version"),
    )
    op.create_index(
        "uq_contact_holds_one", "contact_holds", ["case_id", "cause"], unique=True, sqlite_where=_STANDS,
        postgresql_where=_STANDS,
    )  # fmt: skip
    op.create_index("ix_contact_holds_case_id_begun_at", "contact_holds", ["case_id", "begun_at"])
    op.create_index("ix_contact_holds_because_id", "contact_holds", ["because_id"])
    op.create_index(
        "ix_contact_holds_waiting", "contact_holds", ["due_at", "hold_id"], sqlite_where=_WAITS,
        postgresql_where=_WAITS,
    )  # fmt: skip
    op.create_table(
        "loan_instalments",
        sa.Column("source_code", sa.String(32), primary_key=True),
        sa.Column("loan_id", sa.String(200), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("due_date", sa.Date, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("due_minor", sa.BigInteger, nullable=False),
        sa.Column("paid_minor", sa.BigInteger, nullable=False),
        sa.Column("as_of_date", sa.Date, nullable=False),
        sa.CheckConstraint("number >= 0", name="ck_loan_instalments_number"),
        sa.CheckConstraint("due_minor >= 0 and paid_minor >= 0", name="ck_loan_instalments_amounts"),
    )
    _lists()


def _lists() -> None:
    op.drop_index("ix_payments_source_code_loan_id", "payments")
    for columns in (
        ["loan_id", "source_code", "value_date", "payment_id"],
        ["source_code", "value_date", "payment_id"],
        ["payment_id"],
    ):
        op.create_index(f"ix_payments_{'_'.join(columns)}", "payments", columns)
    for place, condition in _POSTED.items():
        where = sa.text(condition)
        op.create_index(
            f"ix_ledger_events_paid_{place}", "ledger_events", ["value_date", "cause_id"], sqlite_where=where,
            postgresql_where=where,
        )  # fmt: skip
