"""Tables of rights: what people may less than their role, when they last used what they may, and its reviews."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, String, Table, Text, text

from ops_app.store.tables.base import metadata
from ops_app.store.types import Moment

_UNDECIDED = text("decision is null")

rights_narrowed = Table(
    "rights_narrowed",
    metadata,
    Column("person_id", String(64), ForeignKey("people.person_id"), primary_key=True),
    Column("kind", String(16), primary_key=True),
    # the right that is withheld or limited; '*' where the narrowing is of the scope
    Column("permission", String(64), primary_key=True),
    Column("value_json", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("set_by", String(64), nullable=False),
    Column("set_at", Moment, nullable=False),
    CheckConstraint("kind in ('withheld', 'limit', 'team', 'portfolio')", name="ck_rights_narrowed_kind"),
    CheckConstraint("(permission = '*') = (kind in ('team', 'portfolio'))", name="ck_rights_narrowed_permission"),
)

rights_used = Table(
    "rights_used",
    metadata,
    Column("person_id", String(64), primary_key=True),
    Column("permission", String(64), primary_key=True),
    Column("last_used_at", Moment, nullable=False),
    info={"unaudited": "written with the audit rows of the act that used the right"},
)

# one review a quarter, known by it ('2026-Q4')
access_reviews = Table(
    "access_reviews",
    metadata,
    Column("review_id", String(8), primary_key=True),
    Column("begun_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("escalated_at", Moment),
    Column("closed_at", Moment),
    Index(None, "closed_at"),
)

# the rights that nobody used when the review began, and what was decided on each
access_review_rights = Table(
    "access_review_rights",
    metadata,
    Column("review_id", String(8), ForeignKey("access_reviews.review_id"), primary_key=True),
    Column("person_id", String(64), ForeignKey("people.person_id"), primary_key=True),
    Column("permission", String(64), primary_key=True),
    # the role by which the person had the right, and when they last used it (null: never)
    Column("role_code", String(32), nullable=False),
    Column("last_used_at", Moment),
    Column("decision", String(16)),
    Column("reason", Text),
    Column("decided_by", String(64)),
    Column("decided_by_name", String(200)),
    Column("decided_at", Moment),
    CheckConstraint("decision in ('kept', 'taken', 'lapsed')", name="ck_access_review_rights_decision"),
    CheckConstraint("(decision is null) = (decided_at is null)", name="ck_access_review_rights_decided"),
    Index(
        "ix_access_review_rights_undecided", "person_id", "permission", sqlite_where=_UNDECIDED,
        postgresql_where=_UNDECIDED,
    ),
)  # fmt: skip
