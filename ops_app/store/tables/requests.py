"""Tables of requests on a case: the requests, the rules of what goes up, evidence files, notices to people."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
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
from ops_app.store.types import Moment

_OPEN = text("ended_at is null")
_UNREAD = text("read_at is null")

case_requests = Table(
    "case_requests",
    metadata,
    Column("case_request_id", String(64), primary_key=True),
    Column("case_id", String(32), ForeignKey("cases.case_id"), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("agency_code", String(32)),
    Column("requested_by", String(64), nullable=False),
    Column("requested_by_name", String(200), nullable=False),
    Column("role_code", String(32), nullable=False),
    Column("requested_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("form_json", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("balance_minor", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("needs_asset", Boolean, nullable=False),
    Column("approval_id", String(64), ForeignKey("approval_requests.request_id")),
    Column("state", String(16), nullable=False),
    Column("awaited_role", String(32)),
    Column("escalated_at", Moment),
    Column("outcome", String(32)),
    Column("reply", Text),
    Column("replied_by", String(64)),
    Column("replied_by_name", String(200)),
    Column("detail_json", Text),
    Column("ended_at", Moment),
    Column("version", Integer, nullable=False),
    Unique("approval_id"),
    CheckConstraint(
        "kind in ('waiver', 'instalment', 'keep_case', 'return_case', 'documents', 'stop_collection', 'dispute',"
        " 'payment_confirmation')",
        name="ck_case_requests_kind",
    ),
    CheckConstraint(
        "state in ('waiting', 'returned', 'approved', 'rejected', 'withdrawn', 'expired')",
        name="ck_case_requests_state",
    ),
    CheckConstraint("(state in ('waiting', 'returned')) = (ended_at is null)", name="ck_case_requests_ended"),
    CheckConstraint("(ended_at is null) or (outcome is not null)", name="ck_case_requests_outcome"),
    CheckConstraint("(state = 'waiting') = (awaited_role is not null)", name="ck_case_requests_awaited"),
    CheckConstraint("amount_minor >= 0", name="ck_case_requests_amount"),
    CheckConstraint("due_at > requested_at", name="ck_case_requests_due"),
    CheckConstraint("replied_by is null or replied_by <> requested_by", name="ck_case_requests_maker_is_not_checker"),
    CheckConstraint("version >= 1", name="ck_case_requests_version"),
    Index(None, "case_id", "requested_at"),
    Index(None, "agency_code", "requested_at", "case_request_id"),
    Index(None, "requested_by", "requested_at", "case_request_id"),
    Index(None, "requested_at", "case_request_id"),
    Index("ix_case_requests_open", "due_at", "case_request_id", sqlite_where=_OPEN, postgresql_where=_OPEN),
)

case_request_rules = Table(
    "case_request_rules",
    metadata,
    Column("rule_id", String(64), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("agency_code", String(32), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("asset", String(16), nullable=False),
    Column("above_minor", BigInteger),
    Column("due_hours", Integer, nullable=False),
    Column("starts_at", Moment, nullable=False),
    Column("ends_at", Moment),
    Column("entered_at", Moment, nullable=False),
    Column("entered_by", String(64), nullable=False),
    CheckConstraint("asset in ('always', 'above', 'never')", name="ck_case_request_rules_asset"),
    CheckConstraint("(asset = 'above') = (above_minor is not null)", name="ck_case_request_rules_above"),
    CheckConstraint("due_hours >= 1", name="ck_case_request_rules_due"),
    CheckConstraint("ends_at is null or ends_at >= starts_at", name="ck_case_request_rules_dates"),
    Index(
        "uq_case_request_rules_one", "kind", "agency_code", "currency",
        unique=True, sqlite_where=text("ends_at is null"), postgresql_where=text("ends_at is null"),
    ),
)  # fmt: skip

evidence_files = Table(
    "evidence_files",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("media_type", String(64), nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("first_kept_at", Moment, nullable=False),
    CheckConstraint("size_bytes > 0", name="ck_evidence_files_size"),
)

evidence_links = Table(
    "evidence_links",
    metadata,
    Column("evidence_id", String(64), primary_key=True),
    Column("object_type", String(64), nullable=False),
    Column("object_id", String(64), nullable=False),
    Column("part", String(16), nullable=False),
    Column("sha256", String(64), ForeignKey("evidence_files.sha256"), nullable=False),
    Column("file_name", String(120), nullable=False),
    Column("added_by", String(64), nullable=False),
    Column("added_by_name", String(200), nullable=False),
    Column("added_at", Moment, nullable=False),
    Unique("object_type", "object_id", "part", "sha256"),
)

notices = Table(
    "notices",
    metadata,
    Column("notice_id", String(64), primary_key=True),
    Column("person_id", String(64), nullable=False),
    Column("event", String(32), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("object_type", String(64), nullable=False),
    Column("object_id", String(200), nullable=False),
    Column("request_id", String(64), nullable=False),
    Column("by_name", String(200), nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("read_at", Moment),
    Index(None, "person_id", "created_at", "notice_id"),
    Index("ix_notices_unread", "person_id", "notice_id", sqlite_where=_UNREAD, postgresql_where=_UNREAD),
    info={"unaudited": "a notice follows from an act that is audited; that its reader saw it is not an act"},
)
