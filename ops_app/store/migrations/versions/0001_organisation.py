"""People, sessions, audit log, inbox, outbox, parameters."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ops_app.store.migrations.append_only import make_append_only, make_contiguous
from ops_app.store.types import CountedKey, Moment

revision = "0001"
down_revision = None

_AGENCY = "('agency_administrator', 'agency_supervisor')"
_AGENCY_OR_FIELD = "('agency_administrator', 'agency_supervisor', 'collector', 'field_visitor')"


def upgrade() -> None:
    _people()
    _sign_in()
    _audit()
    _messages()


def _people() -> None:
    op.create_table(
        "people",
        sa.Column("person_id", sa.String(64), primary_key=True),
        sa.Column("sign_in_name", sa.String(64), nullable=False),
        sa.Column("display_name", sa.String(200), nullable=False),
        sa.Column("role_code", sa.String(32), nullable=False),
        sa.Column("agency_code", sa.String(32)),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("password_hash", sa.String(255), nullable=False),
        sa.Column("must_change_password", sa.Boolean, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.UniqueConstraint("sign_in_name", name="uq_people_sign_in_name"),
        sa.CheckConstraint("language in ('en', 'zh')", name="ck_people_language"),
        sa.CheckConstraint("sign_in_name = lower(sign_in_name)", name="ck_people_sign_in_name_lower"),
        sa.CheckConstraint(
            f"role_code not in {_AGENCY} or agency_code is not null", name="ck_people_agency_role_has_agency"
        ),
        sa.CheckConstraint(
            f"agency_code is null or role_code in {_AGENCY_OR_FIELD}", name="ck_people_asset_role_has_no_agency"
        ),
        sa.CheckConstraint("version >= 1", name="ck_people_version"),
    )


def _sign_in() -> None:
    op.create_table(
        "sessions",
        sa.Column("session_hash", sa.String(64), primary_key=True),
        sa.Column(
            "person_id",
            sa.String(64),
            sa.ForeignKey("people.person_id", name="fk_sessions_person_id"),
            nullable=False,
        ),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("last_seen_at", Moment, nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
        sa.Column("revoked_at", Moment),
        sa.Column("user_agent", sa.String(300), nullable=False),
    )
    op.create_index("ix_sessions_person_id", "sessions", ["person_id"])
    op.create_table(
        "sign_in_attempts",
        sa.Column("name_hash", sa.String(64), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("blocked_until", Moment, nullable=False),
        sa.Column("last_at", Moment, nullable=False),
        sa.CheckConstraint("failures >= 0", name="ck_sign_in_attempts_failures"),
    )
    op.create_index("ix_sign_in_attempts_last_at", "sign_in_attempts", ["last_at"])
    op.create_table(
        "known_devices",
        sa.Column("device_hash", sa.String(64), primary_key=True),
        sa.Column(
            "person_id",
            sa.String(64),
            sa.ForeignKey("people.person_id", name="fk_known_devices_person_id"),
            nullable=False,
        ),
        sa.Column("last_seen_at", Moment, nullable=False),
    )
    op.create_index("ix_known_devices_person_id", "known_devices", ["person_id"])


def _audit() -> None:
    op.create_table(
        "audit_log",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("occurred_at", Moment, nullable=False),
        sa.Column("actor_id", sa.String(64), nullable=False),
        sa.Column("actor_name", sa.String(200), nullable=False),
        sa.Column("role_code", sa.String(32), nullable=False),
        sa.Column("agency_code", sa.String(32)),
        sa.Column("action", sa.String(100), nullable=False),
        sa.Column("object_type", sa.String(64), nullable=False),
        sa.Column("object_id", sa.String(300), nullable=False),
        sa.Column("before_json", sa.Text),
        sa.Column("after_json", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("request_id", sa.String(64)),
        sa.Column("prev_hash", sa.String(64), nullable=False),
        sa.Column("row_hash", sa.String(64), nullable=False),
        sa.UniqueConstraint("prev_hash", name="uq_audit_log_prev_hash"),
    )
    op.create_index("ix_audit_log_occurred_at", "audit_log", ["occurred_at"])
    op.create_index("ix_audit_log_actor_id_seq", "audit_log", ["actor_id", "seq"])
    op.create_index("ix_audit_log_action_seq", "audit_log", ["action", "seq"])
    op.create_index("ix_audit_log_object_type_object_id_seq", "audit_log", ["object_type", "object_id", "seq"])
    make_append_only("audit_log")
    make_contiguous("audit_log", "seq")


def _messages() -> None:
    op.create_table(
        "inbox",
        sa.Column("source", sa.String(64), primary_key=True),
        sa.Column("key", sa.String(300), primary_key=True),
        sa.Column("body_hash", sa.String(64), nullable=False),
        sa.Column("field_hashes_json", sa.Text),
        sa.Column("answer_json", sa.Text),
        sa.Column("received_at", Moment, nullable=False),
    )
    op.create_table(
        "outbox",
        sa.Column("id", CountedKey, primary_key=True, autoincrement=True),
        sa.Column("topic", sa.String(100), nullable=False),
        sa.Column("key", sa.String(300), nullable=False),
        sa.Column("payload_json", sa.Text, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("sent_at", Moment),
    )
    unsent = sa.text("sent_at is null")
    op.create_index("ix_outbox_unsent", "outbox", ["id"], sqlite_where=unsent, postgresql_where=unsent)
    op.create_table(
        "parameters",
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("value_json", sa.Text, nullable=False),
        sa.Column("changed_at", Moment, nullable=False),
        sa.Column("changed_by", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )
