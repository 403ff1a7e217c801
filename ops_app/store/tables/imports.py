"""Tables of imports: the files that people brought, what became of each, and corrections of their refused rows."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, ForeignKey, Index, Integer, String, Table, Text

from ops_app.store.tables.base import metadata
from ops_app.store.types import Moment

_STATES = "'reading', 'previewed', 'confirmed', 'applied', 'repeated', 'reversing', 'reversed', 'discarded'"

imports = Table(
    "imports",
    metadata,
    Column("import_id", String(64), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("file_name", String(200), nullable=False),
    Column("content_sha256", String(64), nullable=False),
    Column("file_bytes", BigInteger, nullable=False),
    Column("file_date", Date, nullable=False),
    Column("template", String(64), nullable=False),
    Column("entry", String(64), nullable=False),
    Column("feed", String(32), nullable=False),
    Column("source_code", String(32), nullable=False),
    Column("uploaded_by", String(64), ForeignKey("people.person_id"), nullable=False),
    Column("uploaded_by_name", String(200), nullable=False),
    Column("uploaded_at", Moment, nullable=False),
    Column("changed_by_name", String(200), nullable=False),
    Column("changed_at", Moment, nullable=False),
    # what reading found; null until it is read
    Column("rows_in", BigInteger),
    Column("rows_accepted", BigInteger),
    Column("rows_quarantined", BigInteger),
    Column("refusal", String(32)),
    Column("refusal_en", Text),
    Column("refusal_zh", Text),
    # what loading came to
    Column("file_id", String(64)),
    Column("rows_repeated", BigInteger),
    Column("repeats_before", BigInteger),
    Column("applied_by", String(64)),
    Column("applied_at", Moment),
    Column("said_en", Text),
    Column("said_zh", Text),
    # whose file it is (null: the asset company's), and the control totals that were typed beside it
    Column("agency_code", String(32)),
    Column("typed_rows", BigInteger),
    Column("typed_sum", String(24)),
    Column("found_sum", String(48)),
    # when a person gave up an import that was confirmed; the work looks whether anything of it was loaded
    Column("given_up_at", Moment),
    CheckConstraint(f"state in ({_STATES})", name="ck_imports_state"),
    CheckConstraint("version >= 1", name="ck_imports_version"),
    CheckConstraint("rows_in is null or rows_in = rows_accepted + rows_quarantined", name="ck_imports_accounted"),
    CheckConstraint(
        "state not in ('applied', 'reversing', 'reversed') or (file_id is not null and applied_at is not null)",
        name="ck_imports_applied",
    ),
    Index(None, "uploaded_at", "import_id"),
    Index(None, "content_sha256"),
    Index(None, "state"),
    Index(None, "agency_code", "uploaded_at"),
    *(Index(None, sort, "import_id") for sort in ("file_date", "file_name")),
    *(Index(None, lead, "uploaded_at", "import_id") for lead in ("feed", "template", "uploaded_by")),
)

import_corrections = Table(
    "import_corrections",
    metadata,
    Column("import_id", String(64), ForeignKey("imports.import_id"), primary_key=True),
    Column("line_no", BigInteger, primary_key=True, autoincrement=False),
    Column("decision", String(16), nullable=False),
    Column("corrected_json", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("made_by", String(64), nullable=False),
    Column("made_by_name", String(200), nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("outcome", Text),
    CheckConstraint("decision in ('replay', 'discard')", name="ck_import_corrections_decision"),
)
