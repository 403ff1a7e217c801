"""Tables of approvals: requests, what each round of them asked for, decisions, rules, delegations."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy import ForeignKey as References
from sqlalchemy import UniqueConstraint as Unique

from ops_app.store.tables.base import metadata
from ops_app.store.types import Moment

_OPEN_ALONE = text("is_alone and state in ('waiting', 'returned')")
_BY_APPROVER = text("decision in ('approve', 'approve_last', 'reject', 'return')")

approval_requests = Table(
    "approval_requests",
    metadata,
    Column("request_id", String(64), primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("object_type", String(64), nullable=False),
    Column("object_id", String(200), nullable=False),
    Column("is_alone", Boolean, nullable=False),
    Column("maker_id", String(64), nullable=False),
    Column("agency_code", String(32)),
    Column("amount_minor", BigInteger),
    Column("currency", String(3)),
    Column("flags_json", Text, nullable=False),
    Column("round_no", Integer, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("level_no", Integer, nullable=False),
    Column("awaited_role", String(32)),
    Column("state", String(16), nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("result_json", Text),
    Column("version", Integer, nullable=False),
    CheckConstraint(
        "state in ('waiting', 'returned', 'approved', 'rejected', 'withdrawn', 'expired')",
        name="ck_approval_requests_state",
    ),
    CheckConstraint("(amount_minor is null) = (currency is null)", name="ck_approval_requests_amount"),
    CheckConstraint("amount_minor is null or amount_minor >= 0", name="ck_approval_requests_amount_sign"),
    CheckConstraint("(state = 'waiting') = (awaited_role is not null)", name="ck_approval_requests_awaited"),
    CheckConstraint("(state in ('waiting', 'returned')) = (ended_at is null)", name="ck_approval_requests_ended"),
    CheckConstraint("expires_at > made_at", name="ck_approval_requests_expires"),
    CheckConstraint("round_no >= 1 and level_no >= 1 and version >= 1", name="ck_approval_requests_counts"),
    # one open request per kind and object: the database says so
    Index(
        "uq_approval_requests_open", "kind", "object_type", "object_id",
        unique=True, sqlite_where=_OPEN_ALONE, postgresql_where=_OPEN_ALONE,
    ),
    Index(None, "state", "awaited_role", "made_at"),
    Index(None, "maker_id", "made_at"),
    Index(None, "object_type", "object_id"),
    Index(None, "object_type", "state", "made_at", "object_id"),
    Index(None, "state", "expires_at"),
)  # fmt: skip

approval_rounds = Table(
    "approval_rounds",
    metadata,
    Column("request_id", String(64), References("approval_requests.request_id"), primary_key=True),
    Column("round_no", Integer, primary_key=True),
    Column("maker_id", String(64), nullable=False),
    Column("arguments_json", Text, nullable=False),
    Column("amount_minor", BigInteger),
    Column("currency", String(3)),
    Column("reason", Text, nullable=False),
    Column("flags_json", Text, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("levels_json", Text, nullable=False),
    Column("entered_at", Moment, nullable=False),
    Unique("request_id", "round_no", "content_hash", "maker_id"),
)

approval_decisions = Table(
    "approval_decisions",
    metadata,
    Column("decision_id", String(64), primary_key=True),
    Column("request_id", String(64), nullable=False),
    Column("nth", Integer, nullable=False),
    Column("decision", String(16), nullable=False),
    Column("round_no", Integer, nullable=False),
    Column("level_no", Integer, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("maker_id", String(64), nullable=False),
    Column("decided_by", String(64), nullable=False),
    Column("role_code", String(32), nullable=False),
    Column("principal_id", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("decided_at", Moment, nullable=False),
    Column("key", String(300), nullable=False),
    # what is decided on is what that round asked for, and who made it cannot be said otherwise
    ForeignKeyConstraint(
        ["request_id", "round_no", "content_hash", "maker_id"],
        [
            "approval_rounds.request_id", "approval_rounds.round_no", "approval_rounds.content_hash",
            "approval_rounds.maker_id",
        ],
        name="fk_approval_decisions_content",
    ),
    CheckConstraint(
        "decision in ('approve', 'approve_last', 'reject', 'return', 'withdraw', 'resubmit', 'expire')",
        name="ck_approval_decisions_decision",
    ),
    CheckConstraint(
        "decision not in ('approve', 'approve_last', 'reject', 'return')"
        " or (decided_by <> maker_id and principal_id <> maker_id)",
        name="ck_approval_decisions_maker_is_not_checker",
    ),
    CheckConstraint(
        "decision not in ('withdraw', 'resubmit') or decided_by = maker_id", name="ck_approval_decisions_maker"
    ),
    Unique("request_id", "nth"),
    Unique("key"),
    Index(
        "uq_approval_decisions_person", "request_id", "round_no", "decided_by",
        unique=True, sqlite_where=_BY_APPROVER, postgresql_where=_BY_APPROVER,
    ),
    Index(
        "uq_approval_decisions_principal", "request_id", "round_no", "principal_id",
        unique=True, sqlite_where=_BY_APPROVER, postgresql_where=_BY_APPROVER,
    ),
    Index(
        "uq_approval_decisions_level", "request_id", "round_no", "level_no",
        unique=True, sqlite_where=_BY_APPROVER, postgresql_where=_BY_APPROVER,
    ),
    Index(None, "decided_by", "decided_at"),
)  # fmt: skip

approval_rules = Table(
    "approval_rules",
    metadata,
    Column("rule_id", String(64), primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("from_minor", BigInteger, nullable=False),
    Column("level_no", Integer, nullable=False),
    Column("role_code", String(32), nullable=False),
    Column("starts_at", Moment, nullable=False),
    Column("ends_at", Moment),
    Column("entered_at", Moment, nullable=False),
    Column("entered_by", String(64), nullable=False),
    CheckConstraint("level_no between 1 and 9", name="ck_approval_rules_level"),
    CheckConstraint("from_minor >= 0", name="ck_approval_rules_from"),
    CheckConstraint("ends_at is null or ends_at >= starts_at", name="ck_approval_rules_dates"),
    Unique("kind", "currency", "from_minor", "level_no", "starts_at"),
)

approval_delegations = Table(
    "approval_delegations",
    metadata,
    Column("delegation_id", String(64), primary_key=True),
    Column("from_person_id", String(64), References("people.person_id"), nullable=False),
    Column("to_person_id", String(64), References("people.person_id"), nullable=False),
    Column("starts_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False),
    Column("reason", Text, nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("revoked_at", Moment),
    Column("version", Integer, nullable=False),
    CheckConstraint("from_person_id <> to_person_id", name="ck_approval_delegations_people"),
    CheckConstraint("ends_at > starts_at", name="ck_approval_delegations_dates"),
    CheckConstraint("version >= 1", name="ck_approval_delegations_version"),
    Index(None, "to_person_id", "ends_at"),
    Index(None, "from_person_id", "ends_at"),
)
