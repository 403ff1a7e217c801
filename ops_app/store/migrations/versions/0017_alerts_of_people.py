"""Alerts about what a person did, and about repayments that are not matched."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ops_app.store.types import Moment

revision = "0017"
down_revision = "0016"

_KINDS = "'no_first_contact', 'no_touch', 'agency_stopped', 'over_capacity', 'unmatched_payment', 'shown_untried'"


def upgrade() -> None:
    # a check cannot be changed where it stands in SQLite: there the table is made anew around its rows
    with op.batch_alter_table("case_alerts", copy_from=_before()) as table:
        table.drop_constraint("ck_case_alerts_kind", type_="check")
        table.create_check_constraint("ck_case_alerts_kind", sa.text(f"kind in ({_KINDS})"))
        table.add_column(sa.Column("person_id", sa.String(64)))
        table.add_column(sa.Column("quantity", sa.Integer))
        table.create_foreign_key("fk_case_alerts_person_id", "people", ["person_id"], ["person_id"])
        table.create_check_constraint(
            "ck_case_alerts_person", sa.text("(person_id is not null) = (kind = 'shown_untried')")
        )


def _before() -> sa.Table:
    opened = sa.text("closed_at is null")
    return sa.Table(
        "case_alerts",
        sa.MetaData(),
        sa.Column("alert_id", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("subject_key", sa.String(64), nullable=False),
        sa.Column("case_id", sa.String(32), sa.ForeignKey("cases.case_id", name="fk_case_alerts_case_id")),
        sa.Column("agency_code", sa.String(32)),
        sa.Column("since_at", Moment, nullable=False),
        sa.Column("found_at", Moment, nullable=False),
        sa.Column("due_at", Moment, nullable=False),
        sa.Column("owner_id", sa.String(64), sa.ForeignKey("people.person_id", name="fk_case_alerts_owner_id")),
        sa.Column("closed_at", Moment),
        sa.Column("closed_by", sa.String(64)),
        sa.Column("closed_by_name", sa.String(200)),
        sa.Column("closing_note", sa.Text),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("alert_id", name="pk_case_alerts"),
        sa.CheckConstraint(
            "kind in ('no_first_contact', 'no_touch', 'agency_stopped', 'over_capacity')", name="ck_case_alerts_kind"
        ),
        sa.CheckConstraint("(closed_at is null) = (closing_note is null)", name="ck_case_alerts_closed"),
        sa.CheckConstraint("version >= 1", name="ck_case_alerts_version"),
        sa.Index(
            "uq_case_alerts_one_open", "kind", "subject_key", unique=True, sqlite_where=opened, postgresql_where=opened
        ),
        sa.Index("ix_case_alerts_closed_at_due_at_alert_id", "closed_at", "due_at", "alert_id"),
        sa.Index("ix_case_alerts_owner_id_closed_at", "owner_id", "closed_at"),
    )
