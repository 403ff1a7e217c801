"""Imports: bring a file, see what it would do, correct its rows, apply it, take it back until it was used."""

from __future__ import annotations

from ops_app.consoles.asset_company.parts import import_list, import_record, import_upload
from ops_app.consoles.kit.context import here
from ops_app.consoles.kit.page import heading

at = here()
heading(at, "imports")
if at.may("imports.make"):
    import_upload.show(at)
chosen = import_list.show(at)
if chosen:
    import_record.show(at, chosen)
