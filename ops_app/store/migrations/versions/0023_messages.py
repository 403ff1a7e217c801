"""Inbound messages: one inbox for every channel, the count of what was delivered, and who takes messages out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ops_app.store.migrations.append_only import make_append_only, make_undeletable
from ops_app.store.types import CountedKey, Moment

revision = "0023"
down_revision = "0022"

_OPEN = sa.text("state in ('waiting', 'parked')")
_PARKED = sa.text("state = 'parked'")
_FIRST = sa.text("is_first")


def upgrade() -> None:
    op.create_table(
        "inbound_messages",
        sa.Column("number", CountedKey, primary_key=True, autoincrement=True),
        sa.Column("source_code", sa.String(32), nullable=False),
        sa.Column("message_id", sa.String(200), nullable=False),
        sa.Column("body_hash", sa.String(64), nullable=False),
        # the content that took the id; what came later under it with other content did not
        sa.Column("is_first", sa.Boolean, nullable=False),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(32)),
        sa.Column("schema_version", sa.Integer),
        sa.Column("loan_id", sa.String(200)),
        sa.Column("order_no", sa.BigInteger),
        sa.Column("subject", sa.String(300)),
        sa.Column("waits_for", sa.String(300)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("why", sa.String(32)),
        sa.Column("why_en", sa.Text),
        sa.Column("why_zh", sa.Text),
        sa.Column("outcome", sa.String(32)),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("deliveries", sa.Integer, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text),
        sa.Column("received_at", Moment, nullable=False),
        sa.Column("next_try_at", Moment, nullable=False),
        sa.Column("parked_at", Moment),
        sa.Column("handled_at", Moment),
        sa.Column("version", sa.Integer, nullable=False),
        sa.UniqueConstraint("source_code", "message_id", "body_hash"),
        sa.CheckConstraint(
            "state in ('waiting', 'parked', 'done', 'dead', 'given_up')", name="ck_inbound_messages_state"
        ),
        sa.CheckConstraint(
            "channel in ('rest', 'nats', 'amqp', 'file', 'embedded')", name="ck_inbound_messages_channel"
        ),
        sa.CheckConstraint(
            "state not in ('waiting', 'parked') or (kind is not null and loan_id is not null and order_no is not null"
            " and body is not null and handled_at is null)",
            name="ck_inbound_messages_open",
        ),
        sa.CheckConstraint(
            "state <> 'parked' or (why is not null and parked_at is not null)", name="ck_inbound_messages_parked"
        ),
        sa.CheckConstraint("state not in ('dead', 'given_up') or why is not null", name="ck_inbound_messages_why"),
        sa.CheckConstraint(
            "state not in ('done', 'dead', 'given_up') or handled_at is not null", name="ck_inbound_messages_handled"
        ),
        sa.CheckConstraint("state <> 'done' or outcome is not null", name="ck_inbound_messages_outcome"),
        sa.CheckConstraint("deliveries >= 1 and tries >= 0", name="ck_inbound_messages_counts"),
    )
    op.create_index(
        "uq_inbound_messages_first", "inbound_messages", ["source_code", "message_id"],
        unique=True, sqlite_where=_FIRST, postgresql_where=_FIRST,
    )  # fmt: skip
    op.create_index(
        "ix_inbound_messages_state_number", "inbound_messages", ["state", "number"],
    )  # fmt: skip
    op.create_index(
        "ix_inbound_messages_state_source_code_number", "inbound_messages", ["state", "source_code", "number"],
    )  # fmt: skip
    op.create_index(
        "ix_inbound_messages_state_loan_id_number", "inbound_messages", ["state", "loan_id", "number"],
    )  # fmt: skip
    op.create_index(
        "ix_inbound_messages_due", "inbound_messages", ["next_try_at", "number"],
        sqlite_where=_OPEN, postgresql_where=_OPEN,
    )  # fmt: skip
    op.create_index(
        "ix_inbound_messages_line", "inbound_messages", ["source_code", "loan_id", "order_no", "number"],
        sqlite_where=_OPEN, postgresql_where=_OPEN,
    )  # fmt: skip
    op.create_index(
        "ix_inbound_messages_partner", "inbound_messages", ["source_code", "waits_for"],
        sqlite_where=_PARKED, postgresql_where=_PARKED,
    )  # fmt: skip
    op.create_index(
        "ix_inbound_messages_source_code_handled_at", "inbound_messages", ["source_code", "handled_at"],
    )  # fmt: skip
    op.create_table(
        "message_arrivals",
        sa.Column("arrival_id", CountedKey, primary_key=True, autoincrement=True),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("received_at", Moment, nullable=False),
        sa.Column("received", sa.Integer, nullable=False),
        sa.Column("fresh", sa.Integer, nullable=False),
        sa.Column("repeated", sa.Integer, nullable=False),
        sa.CheckConstraint(
            "received = fresh + repeated and fresh >= 0 and repeated >= 0", name="ck_message_arrivals_sum"
        ),
    )
    op.create_table(
        "message_consumers",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("holder", sa.String(100), nullable=False),
        sa.Column("lease_until", Moment, nullable=False),
        sa.Column("renewed_at", Moment, nullable=False),
        sa.Column("broker", sa.String(200), nullable=False),
        sa.Column("trouble", sa.String(300)),
    )
    make_undeletable("inbound_messages")
    make_append_only("message_arrivals")
