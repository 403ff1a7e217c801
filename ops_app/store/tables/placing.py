"""Tables of placing: batches of cases that wait for an approval, announced recalls, alerts of internal monitoring."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text, text

from ops_app.store.tables.base import metadata
from ops_app.store.types import Moment

_RUNNING = text("ended_at is null")
_OPEN = text("closed_at is null")

case_batches = Table(
    "case_batches",
    metadata,
    Column("batch_id", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("agency_code", String(32)),
    Column("due_at", Moment),
    Column("case_count", Integer, nullable=False),
    Column("excluded_count", Integer, nullable=False),
    Column("principal_minor", BigInteger, nullable=False),
    Column("balance_minor", BigInteger, nullable=False),
    Column("rows_hash", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("made_by", String(64), nullable=False),
    Column("made_by_name", String(200), nullable=False),
    Column("made_at", Moment, nullable=False),
    CheckConstraint(
        "kind in ('place', 'extend', 'recall', 'transfer', 'withdraw_recall')", name="ck_case_batches_kind"
    ),
    CheckConstraint("case_count >= 1 and excluded_count >= 0", name="ck_case_batches_counts"),
    # one index a filter and sort that the list declares (store/casework/batch_lists.py); its states are of the requests
    *(
        Index(None, *lead, sort, "batch_id")
        for lead in ((), ("kind",), ("agency_code",), ("made_by",))
        for sort in ("made_at", "case_count")
    ),
)

case_batch_rows = Table(
    "case_batch_rows",
    metadata,
    Column("batch_id", String(64), ForeignKey("case_batches.batch_id"), primary_key=True),
    Column("case_id", String(32), ForeignKey("cases.case_id"), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("principal_minor", BigInteger, nullable=False),
    Column("balance_minor", BigInteger, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("reasons_json", Text, nullable=False),
    CheckConstraint("outcome in ('asked', 'excluded', 'done', 'dropped')", name="ck_case_batch_rows_outcome"),
    Index(None, "case_id", "batch_id"),
)

recall_notices = Table(
    "recall_notices",
    metadata,
    Column("notice_id", String(64), primary_key=True),
    Column("case_id", String(32), ForeignKey("cases.case_id"), nullable=False),
    Column("placement_id", String(64), ForeignKey("placements.placement_id"), nullable=False),
    Column("agency_code", String(32), nullable=False),
    Column("because", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("given_by", String(64), nullable=False),
    Column("given_by_name", String(200), nullable=False),
    Column("given_at", Moment, nullable=False),
    Column("effective_at", Moment, nullable=False),
    Column("due_before_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("end_kind", String(16)),
    CheckConstraint("because in ('asked', 'agency_expiry')", name="ck_recall_notices_because"),
    CheckConstraint("(ended_at is null) = (end_kind is null)", name="ck_recall_notices_ended"),
    CheckConstraint("end_kind in ('recalled', 'withdrawn', 'closed')", name="ck_recall_notices_end_kind"),
    # a placement is announced to end once at a time
    Index(
        "uq_recall_notices_one_running", "placement_id", unique=True, sqlite_where=_RUNNING, postgresql_where=_RUNNING
    ),
    Index(None, "agency_code", "ended_at", "effective_at"),
    Index(None, "case_id"),
)

case_alerts = Table(
    "case_alerts",
    metadata,
    Column("alert_id", String(64), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("subject_key", String(64), nullable=False),
    Column("case_id", String(32), ForeignKey("cases.case_id")),
    Column("agency_code", String(32)),
    Column("since_at", Moment, nullable=False),
    Column("found_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("owner_id", String(64), ForeignKey("people.person_id")),
    Column("closed_at", Moment),
    Column("closed_by", String(64)),
    Column("closed_by_name", String(200)),
    Column("closing_note", Text),
    Column("version", Integer, nullable=False),
    Column("person_id", String(64), ForeignKey("people.person_id")),
    Column("quantity", Integer),
    CheckConstraint(
        "kind in ('no_first_contact', 'no_touch', 'agency_stopped', 'over_capacity', 'unmatched_payment',"
        " 'shown_untried')",
        name="ck_case_alerts_kind",
    ),
    CheckConstraint("(closed_at is null) = (closing_note is null)", name="ck_case_alerts_closed"),
    CheckConstraint("version >= 1", name="ck_case_alerts_version"),
    CheckConstraint("(person_id is not null) = (kind = 'shown_untried')", name="ck_case_alerts_person"),
    # the same thing is reported once while it lasts
    Index("uq_case_alerts_one_open", "kind", "subject_key", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index(None, "closed_at", "due_at", "alert_id"),
    Index(None, "owner_id", "closed_at"),
)
