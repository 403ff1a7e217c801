"""Tables of announcements: what is announced, to whom, and who has read it."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text

from ops_app.store.tables.base import metadata
from ops_app.store.types import Moment

announcements = Table(
    "announcements",
    metadata,
    Column("announcement_id", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("title_en", String(200), nullable=False),
    Column("body_en", Text, nullable=False),
    Column("title_zh", String(200), nullable=False),
    Column("body_zh", Text, nullable=False),
    Column("valid_from_at", Moment, nullable=False),
    Column("valid_until_at", Moment, nullable=False),
    Column("drafted_by", String(64), nullable=False),
    Column("drafted_at", Moment, nullable=False),
    Column("edited_by", String(64), nullable=False),
    Column("published_by", String(64)),
    Column("published_at", Moment),
    Column("withdrawn_by", String(64)),
    Column("withdrawn_at", Moment),
    Column("withdrawal_reason", Text),
    Column("changed_by_name", String(200), nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("version", Integer, nullable=False),
    CheckConstraint("kind in ('notice', 'rule_change')", name="ck_announcements_kind"),
    # that one waits for approval or has expired is no state of the row: its request and the clock say it
    CheckConstraint("state in ('draft', 'published', 'withdrawn')", name="ck_announcements_state"),
    CheckConstraint("valid_from_at < valid_until_at", name="ck_announcements_validity"),
    CheckConstraint(
        "(title_en = '') = (body_en = '') and (title_zh = '') = (body_zh = '') and (title_en <> '' or title_zh <> '')",
        name="ck_announcements_language",
    ),
    # maker is never checker, and whoever wrote the last word of it is a maker too
    CheckConstraint(
        "published_by is null or (published_by <> drafted_by and published_by <> edited_by)",
        name="ck_announcements_maker_checker",
    ),
    CheckConstraint(
        "(published_at is null) = (published_by is null) and (state <> 'published' or published_at is not null)",
        name="ck_announcements_published",
    ),
    CheckConstraint(
        "(state = 'withdrawn') = (withdrawn_at is not null)",
        name="ck_announcements_withdrawn",
    ),
    CheckConstraint("version >= 1", name="ck_announcements_version"),
    Index(None, "state", "valid_until_at"),
)

announcement_audiences = Table(
    "announcement_audiences",
    metadata,
    Column("announcement_id", String(64), ForeignKey("announcements.announcement_id"), primary_key=True),
    Column("role_code", String(32), primary_key=True),
    Column("place", String(64), primary_key=True),
    Index(None, "role_code", "place"),
)

announcement_files = Table(
    "announcement_files",
    metadata,
    Column("file_id", String(64), primary_key=True),
    Column("announcement_id", String(64), ForeignKey("announcements.announcement_id"), nullable=False),
    Column("file_name", String(200), nullable=False),
    Column("media_type", String(64), nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("added_by", String(64), nullable=False),
    Column("added_by_name", String(200), nullable=False),
    Column("added_at", Moment, nullable=False),
    Column("removed_by", String(64)),
    Column("removed_at", Moment),
    CheckConstraint("(removed_at is null) = (removed_by is null)", name="ck_announcement_files_removed"),
    Index(None, "announcement_id"),
)

announcement_reads = Table(
    "announcement_reads",
    metadata,
    # one receipt a person: the key says so
    Column("announcement_id", String(64), ForeignKey("announcements.announcement_id"), primary_key=True),
    Column("person_id", String(64), ForeignKey("people.person_id"), primary_key=True),
    Column("person_name", String(200), nullable=False),
    Column("role_code", String(32), nullable=False),
    Column("agency_code", String(32)),
    Column("receipt", String(16), nullable=False),
    Column("language", String(8), nullable=False),
    Column("read_at", Moment, nullable=False),
    CheckConstraint("receipt in ('read', 'acknowledged')", name="ck_announcement_reads_receipt"),
    CheckConstraint("language in ('en', 'zh')", name="ck_announcement_reads_language"),
    Index(None, "person_id"),
)
