"""Tables of the area contact: on which cases contact is held, why, until when or by whom it is decided."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text, text

from ops_app.store.tables.base import metadata
from ops_app.store.types import Moment

_STANDS = text("ended_at is null")
_WAITS = text("ended_at is null and due_at is not null")

contact_holds = Table(
    "contact_holds",
    metadata,
    Column("hold_id", String(32), primary_key=True),
    Column("case_id", String(32), ForeignKey("cases.case_id"), nullable=False),
    Column("cause", String(24), nullable=False),
    Column("because_id", String(300), nullable=False),
    Column("begun_at", Moment, nullable=False),
    Column("begun_by", String(64), nullable=False),
    Column("until_at", Moment),
    Column("due_at", Moment),
    Column("owner_id", String(64), ForeignKey("people.person_id")),
    Column("ended_at", Moment),
    Column("ended_by", String(64)),
    Column("end_kind", String(16)),
    Column("end_reason", Text),
    Column("version", Integer, nullable=False),
    CheckConstraint(
        "cause in ('payment_received', 'payment_unmatched', 'payment_disputed')", name="ck_contact_holds_cause"
    ),
    # what ends by itself has a time, what is decided on has an age limit
    CheckConstraint("(cause = 'payment_received') = (until_at is not null)", name="ck_contact_holds_until"),
    CheckConstraint("(cause = 'payment_received') = (due_at is null)", name="ck_contact_holds_due"),
    CheckConstraint("(ended_at is null) = (end_kind is null)", name="ck_contact_holds_ended"),
    CheckConstraint(
        "end_kind in ('time', 'followed', 'reversed', 'posted', 'closed', 'released')", name="ck_contact_holds_end_kind"
    ),
    CheckConstraint("end_kind <> 'released' or end_reason is not null", name="ck_contact_holds_end_reason"),
    CheckConstraint("ended_at is null or ended_at >= begun_at", name="ck_contact_holds_order"),
    CheckConstraint("version >= 1", name="ck_contact_holds_version"),
    # one hold a case and cause
    Index("uq_contact_holds_one", "case_id", "cause", unique=True, sqlite_where=_STANDS, postgresql_where=_STANDS),
    Index(None, "case_id", "begun_at"),
    Index(None, "because_id"),
    Index("ix_contact_holds_waiting", "due_at", "hold_id", sqlite_where=_WAITS, postgresql_where=_WAITS),
)
