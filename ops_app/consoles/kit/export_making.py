"""How the file of an export is made: its watermark, its rows, and whether it leaves at once or by a link."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ops_app.consoles.kit import export
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.tables import Column
from ops_app.domain.organisation.exports import ApprovalWaiting, ExportState, MadeAlready
from ops_app.gateways import export_files
from ops_app.services.organisation.export_releasing import request_export
from ops_app.services.organisation.exports import (
    Asked,
    Export,
    own_export_like,
    record_export,
    rows_without_approval,
)

_SHORT_REASON = 80

Cells = Sequence[Sequence[object]]
Write = Callable[[Here, Export, Sequence[str], Cells], bytes]


@dataclass(frozen=True)
class Pack:
    """A file of another make than one CSV or XLSX: the name it leaves under, its media type, and how it is written."""

    name: Callable[[str], str]
    mime: str
    write: Write


@dataclass(frozen=True)
class Sheet:
    """What is exported: a list as it is filtered. ``rows`` gives at most so many."""

    name: str
    title: str
    columns: Sequence[Column[Any]]
    filters: Mapping[str, str]
    rows: Callable[[int], Iterator[Any]]
    button: str = ""
    """The words on its button, where these are not the usual ones."""
    pack: Pack | None = None
    said: Sequence[tuple[str, str]] | None = None
    """Its filters as people read them, where boxes above it name and show them."""

    def headers(self) -> list[str]:
        return [column.label for column in self.columns]

    def cells(self, here: Here, limit: int) -> list[list[object]]:
        """The rows as they leave: masked where this person may not see the field."""
        return [[column.exported(row, here.may) for column in self.columns] for row in self.rows(limit)]


def watermark(here: Here, one: Export, rows: int, said: Sequence[tuple[str, str]] | None = None) -> export.Watermark:
    """Who took the rows, when, why, and the number of the export, in the person's language. ``said``: the filters as
    the boxes above the list name and show them."""
    filters = list(one.filters.items()) if said is None else said
    t, labels = here.t, here.labels
    moment = labels.moment(here.app.clock.now())
    return export.Watermark(
        column=t("export.mark_column"),
        line=t(
            "export.mark", number=one.number, name=one.requested_by_name, moment=moment,
            reason=one.reason[:_SHORT_REASON],
        ),
        note=t(
            "export.note",
            number=one.number,
            name=one.requested_by_name,
            role=labels.role(one.role.value),
            moment=moment,
            what=one.title,
            filters="; ".join(f"{name}: {value}" for name, value in filters if value) or "–",
            count=labels.count(rows),
            reason=one.reason,
        ),
    )  # fmt: skip


def as_file(
    here: Here,
    one: Export,
    headers: Sequence[str],
    rows: Sequence[Sequence[object]],
    said: Sequence[tuple[str, str]] | None = None,
) -> export_files.Made:
    """The bytes of the export in its format, watermarked."""
    mark = watermark(here, one, len(rows), said)
    write = export.to_csv if one.file_format == "csv" else export.to_xlsx
    return export_files.Made(write(headers, rows, mark=mark), len(rows))


def _written(
    here: Here,
    one: Export,
    headers: Sequence[str],
    rows: Cells,
    pack: Pack | None,
    said: Sequence[tuple[str, str]] | None,
) -> export_files.Made:
    if pack is None:
        return as_file(here, one, headers, rows, said)
    return export_files.Made(pack.write(here, one, headers, rows), len(rows))


def hand_over(
    here: Here,
    asked: Asked,
    headers: Sequence[str],
    rows: Cells,
    pack: Pack | None = None,
    said: Sequence[tuple[str, str]] | None = None,
) -> bytes:
    """Few rows, at once: entered and audited, then the bytes. Raises ``ApprovalNeeded`` for many."""
    one = record_export(here.actor, here.app.store, now=here.app.clock.now(), asked=asked)
    return _written(here, one, headers, rows, pack, said).data


def make_released(
    here: Here,
    one: Export,
    rows: Callable[[], tuple[Sequence[str], Cells]],
    pack: Pack | None = None,
    said: Sequence[tuple[str, str]] | None = None,
) -> bytes:
    """Many rows that were released: the file is made once and kept behind its link."""

    def make() -> export_files.Made:
        return _written(here, one, *rows(), pack, said)

    _, data = export_files.make_file(
        here.actor, here.app.store, here.app.settings.exports, now=here.app.clock.now(), export=one, make=make
    )
    return data


def export_rows(here: Here, asked: Asked, headers: Sequence[str], rows: Sequence[Sequence[object]]) -> bytes:
    """Rows that are at hand (a figure's): few leave at once; many are asked for, and made once they are released.

    Raises ``ApprovalWaiting`` until a second person has released them, and ``MadeAlready`` afterwards.
    """
    now = here.app.clock.now()
    if len(rows) <= rows_without_approval(here.actor, here.app.store, now=now):
        return hand_over(here, asked, headers, rows)
    known = own_export_like(
        here.actor, here.app.store, now=now, what=asked.what, filters=asked.filters, file_format=asked.file_format
    )
    if known is None:
        known = request_export(here.actor, here.app.store, now=now, asked=asked)
    state = known.state(now)
    if state is ExportState.RELEASED:
        return make_released(here, known, lambda: (headers, rows))
    raise MadeAlready(known.number) if state is ExportState.READY else ApprovalWaiting(known.number)
