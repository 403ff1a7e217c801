"""Tables of the case record: tags, attachments, and the views of lists that people keep."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text, text

from ops_app.store.tables.base import metadata
from ops_app.store.types import Moment

_ON = text("removed_at is null")
_OWN_NAME = text("ended_at is null")
_STANDS = text("ended_at is null")

case_tags = Table(
    "case_tags",
    metadata,
    Column("tagging_id", String(64), primary_key=True),
    Column("case_id", String(32), ForeignKey("cases.case_id"), nullable=False),
    # empty: the asset company; a house reads and removes its own tags
    Column("house", String(32), nullable=False),
    Column("tag", String(32), nullable=False),
    Column("tagged_by", String(64), nullable=False),
    Column("tagged_by_name", String(200), nullable=False),
    Column("tagged_at", Moment, nullable=False),
    Column("removed_by", String(64)),
    Column("removed_at", Moment),
    CheckConstraint("(removed_at is null) = (removed_by is null)", name="ck_case_tags_removed"),
    Index("uq_case_tags_one_on", "case_id", "house", "tag", unique=True, sqlite_where=_ON, postgresql_where=_ON),
    Index("ix_case_tags_list", "house", "tag", "tagged_at", "case_id", sqlite_where=_ON, postgresql_where=_ON),
)

debtor_conflicts = Table(
    "debtor_conflicts",
    metadata,
    Column("conflict_id", String(64), primary_key=True),
    Column("debtor_key", String(32), nullable=False),
    Column("person_id", String(64), ForeignKey("people.person_id"), nullable=False),
    Column("reason", Text, nullable=False),
    Column("declared_by", String(64), nullable=False),
    Column("declared_by_name", String(200), nullable=False),
    Column("declared_at", Moment, nullable=False),
    Column("ended_by", String(64)),
    Column("ended_at", Moment),
    CheckConstraint("(ended_at is null) = (ended_by is null)", name="ck_debtor_conflicts_ended"),
    Index(
        "uq_debtor_conflicts_one_on", "debtor_key", "person_id", unique=True, sqlite_where=_STANDS,
        postgresql_where=_STANDS,
    ),
)  # fmt: skip

case_attachments = Table(
    "case_attachments",
    metadata,
    Column("attachment_id", String(64), primary_key=True),
    Column("case_id", String(32), ForeignKey("cases.case_id"), nullable=False),
    Column("house", String(32), nullable=False),
    Column("file_name", String(200), nullable=False),
    Column("media_type", String(64), nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("note", Text, nullable=False),
    # of the asset company's: whether the agency that has the case may read it
    Column("for_agency", Boolean, nullable=False),
    Column("added_by", String(64), nullable=False),
    Column("added_by_name", String(200), nullable=False),
    Column("added_at", Moment, nullable=False),
    Column("withdrawn_by", String(64)),
    Column("withdrawn_at", Moment),
    Column("withdraw_reason", Text),
    CheckConstraint("size_bytes > 0", name="ck_case_attachments_size"),
    CheckConstraint("(withdrawn_at is null) = (withdraw_reason is null)", name="ck_case_attachments_withdrawn"),
    Index(None, "case_id", "added_at"),
    Index(None, "added_by", "added_at"),
)

saved_views = Table(
    "saved_views",
    metadata,
    Column("view_id", String(64), primary_key=True),
    Column("owner_id", String(64), ForeignKey("people.person_id"), nullable=False),
    Column("owner_name", String(200), nullable=False),
    # empty: the asset company; a shared view is offered to the owner's house alone
    Column("house", String(32), nullable=False),
    Column("page", String(64), nullable=False),
    Column("name", String(60), nullable=False),
    Column("filters_json", Text, nullable=False),
    Column("shared", Boolean, nullable=False),
    Column("saved_at", Moment, nullable=False),
    Column("version", Integer, nullable=False),
    Column("ended_at", Moment),
    CheckConstraint("version >= 1", name="ck_saved_views_version"),
    Index(
        "uq_saved_views_name", "owner_id", "page", "name", unique=True,
        sqlite_where=_OWN_NAME, postgresql_where=_OWN_NAME,
    ),
    Index(None, "house", "page", "shared"),
)  # fmt: skip
