"""Tables of rights: what people may less than their role, and when they last used what they may."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, String, Table, Text

from ops_app.store.tables.base import metadata
from ops_app.store.types import Moment

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
