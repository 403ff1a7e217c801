"""Approvals: requests, their rounds and decisions, the rules of who decides, delegations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ops_app.store.migrations.append_only import make_append_only
from ops_app.store.types import Moment

revision = "0004"
down_revision = "0003"

_OPEN_ALONE = sa.text("is_alone and state in ('waiting', 'returned')")
_BY_APPROVER = sa.text("decision in ('approve', 'approve_last', 'reject', 'return')")


def upgrade() -> None:
    _requests()
    _rounds()
    _decisions()
    _rules()
    _delegations()


def _requests() -> None:
    op.create_table(
        "approval_requests",
        sa.Column("request_id", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("object_type", sa.String(64), nullable=False),
        sa.Column("object_id", sa.String(200), nullable=False),
        sa.Column("is_alone", sa.Boolean, nullable=False),
        sa.Column("maker_id", sa.String(64), nullable=False),
        sa.Column("agency_code", sa.String(32)),
        sa.Column("amount_minor", sa.BigInteger),
        sa.Column("currency", sa.String(3)),
        sa.Column("flags_json", sa.Text, nullable=False),
        sa.Column("round_no", sa.Integer, nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("level_no", sa.Integer, nullable=False),
        sa.Column("awaited_role", sa.String(32)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("made_at", Moment, nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
        sa.Column("ended_at", Moment),
        sa.Column("result_json", sa.Text),
        sa.Column("version", sa.Integer, nullable=False),
        sa.CheckConstraint(
            "state in ('waiting', 'returned', 'approved', 'rejected', 'withdrawn', 'expired')",
            name="ck_approval_requests_state",
        ),
        sa.CheckConstraint("(amount_minor is null) = (currency is null)", name="ck_approval_requests_amount"),
        sa.CheckConstraint("amount_minor is null or amount_minor >= 0", name="ck_approval_requests_amount_sign"),
        sa.CheckConstraint("(state = 'waiting') = (awaited_role is not null)", name="ck_approval_requests_awaited"),
        sa.CheckConstraint(
            "(state in ('waiting', 'returned')) = (ended_at is null)", name="ck_approval_requests_ended"
        ),
        sa.CheckConstraint("expires_at > made_at", name="ck_approval_requests_expires"),
        sa.CheckConstraint("round_no >= 1 and level_no >= 1 and version >= 1", name="ck_approval_requests_counts"),
    )
    op.create_index(
        "uq_approval_requests_open", "approval_requests", ["kind", "object_type", "object_id"],
        unique=True, sqlite_where=_OPEN_ALONE, postgresql_where=_OPEN_ALONE,
    )  # fmt: skip
    for columns in (
        ["state", "awaited_role", "made_at"],
        ["maker_id", "made_at"],
        ["object_type", "object_id"],
        ["state", "expires_at"],
    ):
        op.create_index(f"ix_approval_requests_{'_'.join(columns)}", "approval_requests", columns)


def _rounds() -> None:
    op.create_table(
        "approval_rounds",
        sa.Column("request_id", sa.String(64), sa.ForeignKey("approval_requests.request_id"), primary_key=True),
        sa.Column("round_no", sa.Integer, primary_key=True),
        sa.Column("maker_id", sa.String(64), nullable=False),
        sa.Column("arguments_json", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger),
        sa.Column("currency", sa.String(3)),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("flags_json", sa.Text, nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("levels_json", sa.Text, nullable=False),
        sa.Column("entered_at", Moment, nullable=False),
        sa.UniqueConstraint(
            "request_id", "round_no", "content_hash", "maker_id",
            name="uq_approval_rounds_request_id_round_no_content_hash_maker_id",
        ),
    )  # fmt: skip
    make_append_only("approval_rounds")


def _decisions() -> None:
    content = ["request_id", "round_no", "content_hash", "maker_id"]
    op.create_table(
        "approval_decisions",
        sa.Column("decision_id", sa.String(64), primary_key=True),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("nth", sa.Integer, nullable=False),
        sa.Column("decision", sa.String(16), nullable=False),
        sa.Column("round_no", sa.Integer, nullable=False),
        sa.Column("level_no", sa.Integer, nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("maker_id", sa.String(64), nullable=False),
        sa.Column("decided_by", sa.String(64), nullable=False),
        sa.Column("role_code", sa.String(32), nullable=False),
        sa.Column("principal_id", sa.String(64), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("decided_at", Moment, nullable=False),
        sa.Column("key", sa.String(300), nullable=False),
        sa.ForeignKeyConstraint(
            content, [f"approval_rounds.{name}" for name in content], name="fk_approval_decisions_content"
        ),
        sa.CheckConstraint(
            "decision in ('approve', 'approve_last', 'reject', 'return', 'withdraw', 'resubmit', 'expire')",
            name="ck_approval_decisions_decision",
        ),
        sa.CheckConstraint(
            "decision not in ('approve', 'approve_last', 'reject', 'return')"
            " or (decided_by <> maker_id and principal_id <> maker_id)",
            name="ck_approval_decisions_maker_is_not_checker",
        ),
        sa.CheckConstraint(
            "decision not in ('withdraw', 'resubmit') or decided_by = maker_id", name="ck_approval_decisions_maker"
        ),
        sa.UniqueConstraint("request_id", "nth", name="uq_approval_decisions_request_id_nth"),
        sa.UniqueConstraint("key", name="uq_approval_decisions_key"),
    )
    for name, column in (("person", "decided_by"), ("principal", "principal_id"), ("level", "level_no")):
        op.create_index(
            f"uq_approval_decisions_{name}", "approval_decisions", ["request_id", "round_no", column],
            unique=True, sqlite_where=_BY_APPROVER, postgresql_where=_BY_APPROVER,
        )  # fmt: skip
    op.create_index("ix_approval_decisions_decided_by_decided_at", "approval_decisions", ["decided_by", "decided_at"])
    make_append_only("approval_decisions")


def _rules() -> None:
    op.create_table(
        "approval_rules",
        sa.Column("rule_id", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("from_minor", sa.BigInteger, nullable=False),
        sa.Column("level_no", sa.Integer, nullable=False),
        sa.Column("role_code", sa.String(32), nullable=False),
        sa.Column("starts_at", Moment, nullable=False),
        sa.Column("ends_at", Moment),
        sa.Column("entered_at", Moment, nullable=False),
        sa.Column("entered_by", sa.String(64), nullable=False),
        sa.CheckConstraint("level_no between 1 and 9", name="ck_approval_rules_level"),
        sa.CheckConstraint("from_minor >= 0", name="ck_approval_rules_from"),
        sa.CheckConstraint("ends_at is null or ends_at >= starts_at", name="ck_approval_rules_dates"),
        sa.UniqueConstraint(
            "kind", "currency", "from_minor", "level_no", "starts_at",
            name="uq_approval_rules_kind_currency_from_minor_level_no_starts_at",
        ),
    )  # fmt: skip


def _delegations() -> None:
    op.create_table(
        "approval_delegations",
        sa.Column("delegation_id", sa.String(64), primary_key=True),
        sa.Column("from_person_id", sa.String(64), sa.ForeignKey("people.person_id"), nullable=False),
        sa.Column("to_person_id", sa.String(64), sa.ForeignKey("people.person_id"), nullable=False),
        sa.Column("starts_at", Moment, nullable=False),
        sa.Column("ends_at", Moment, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("made_at", Moment, nullable=False),
        sa.Column("revoked_at", Moment),
        sa.Column("version", sa.Integer, nullable=False),
        sa.CheckConstraint("from_person_id <> to_person_id", name="ck_approval_delegations_people"),
        sa.CheckConstraint("ends_at > starts_at", name="ck_approval_delegations_dates"),
        sa.CheckConstraint("version >= 1", name="ck_approval_delegations_version"),
    )
    for person in ("to_person_id", "from_person_id"):
        op.create_index(f"ix_approval_delegations_{person}_ends_at", "approval_delegations", [person, "ends_at"])
