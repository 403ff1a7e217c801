"""Workbooks written by hand for the tests: what a hostile or a careless sender might put into one."""

from __future__ import annotations

import zipfile
from pathlib import Path

WORKBOOK = (
    '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>'
    '<sheet name="Data" sheetId="1" r:id="rId1"{state}/></sheets></workbook>'
)
RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId1" Type="worksheet" Target="{target}"/></Relationships>'
)
SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{rows}</sheetData></worksheet>'


def workbook(
    path: Path,
    rows: str = '<row r="1"><c r="A1"><v>1</v></c></row>',
    *,
    extra: dict[str, bytes] | None = None,
    state: str = "",
    sheet: bytes | None = None,
    target: str = "worksheets/sheet1.xml",
) -> Path:
    """A minimal workbook at ``path`` whose one sheet holds ``rows`` (or the bytes ``sheet``)."""
    part = target.lstrip("/") if target.lstrip("/").startswith("xl/") else f"xl/{target}"
    parts = {
        "xl/workbook.xml": WORKBOOK.format(state=state).encode(),
        "xl/_rels/workbook.xml.rels": RELATIONS.format(target=target).encode(),
        part: sheet if sheet is not None else SHEET.format(rows=rows).encode(),
        **(extra or {}),
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in parts.items():
            archive.writestr(name, body)
    return path
