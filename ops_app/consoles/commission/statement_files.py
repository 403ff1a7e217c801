"""Files of a statement: a workbook and a PDF in the reader's language, and the check file by which the agency reckons
it again. They bear the statement's own number and hash in the place of who took them: the same statement gives the same
bytes, whoever asks (decision 0025). That they were taken is entered as any export is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

import streamlit as st

from ops_app.consoles.commission.rates import rate
from ops_app.consoles.kit import export
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.export_button import export_sheet
from ops_app.consoles.kit.export_making import Cells, Pack, Sheet
from ops_app.consoles.kit.i18n import Texts
from ops_app.consoles.kit.labels import Labels
from ops_app.consoles.kit.tables import Column
from ops_app.domain.canonical import canonical_json
from ops_app.domain.ledger.commissions import LINE_KIND_NAMES
from ops_app.gateways.statement_pdf import set_statement
from ops_app.services.ledger.statements import Statement
from ops_app.services.organisation.exports import Export
from ops_app.store.ledger.commissions import CommissionLine

TOTALS = ("fees", "carried_in", "net", "tax", "gross", "held", "due", "carried_out", "receivable")
_KEYS = ("line_no", "kind", "value_date", "loan", "payment", "tier", "rate", "base", "full", "cut", "fee")
_WIDTHS = (2, 5, 4, 6, 8, 4, 3, 5, 4, 4, 4)
_RIGHT = (0, 6, 7, 8, 9, 10)


def check_file(made: Statement) -> bytes:
    """Inputs and rules of every line, by which anybody can reckon the statement again, and its hash; canonical JSON."""
    return (canonical_json({"content_hash": made.hash, **made.content}) + "\n").encode("utf-8")


def workbook(made: Statement, language: str, zone: ZoneInfo) -> bytes:
    """The statement as XLSX, by the one writer of exports."""
    labels = Labels(Texts(language), zone)
    rows = [_cells(it, labels) for it in made.lines]
    currency = made.settlement.currency
    totals = [[""] * 9 + [name, labels.figure(minor, currency)] for name, minor in _totals(made, labels)]
    note = "\n".join(f"{name}: {value}" for name, value in [*_facts(made, labels), *_said_totals(made, labels)])
    mark = export.Watermark("", _mark(made, labels), f"{_title(made, labels)}\n{note}\n{_mark(made, labels)}")
    return export.to_xlsx(_headers(labels), [*rows, *totals], mark=mark, fixed=True)


def document(made: Statement, language: str, zone: ZoneInfo) -> bytes:
    """The statement as PDF. Raises ``FontMissing``."""
    labels = Labels(Texts(language), zone)
    return set_statement(
        {
            "language": language,
            "title": _title(made, labels),
            "mark": _mark(made, labels),
            "facts": _facts(made, labels),
            "headers": _headers(labels),
            "widths": _WIDTHS,
            "right": _RIGHT,
            "rows": [_texts(it, labels) for it in made.lines],
            "totals": _said_totals(made, labels),
        }
    )


def offer(at: Here, made: Statement) -> None:
    """Buttons for the three files."""
    t, one = at.t, made.settlement
    packs: tuple[tuple[str, str, str, Callable[[], bytes]], ...] = (
        ("xlsx", export.MIME["xlsx"], "xlsx", lambda: workbook(made, at.actor.language, at.labels.zone)),
        ("pdf", "application/pdf", "pdf", lambda: document(made, at.actor.language, at.labels.zone)),
        ("check", "application/json", "json", lambda: check_file(made)),
    )
    columns = [Column[CommissionLine](key, t(f"commission.{key}"), _show(at.labels, place))
               for place, key in enumerate(_KEYS)]  # fmt: skip
    with st.container(horizontal=True):
        for name, mime, ending, write in packs:
            sheet = Sheet(
                name=f"statement_{name}", title=f"{t('commission.statement')} {one.number}", columns=columns,
                filters={"settlement": one.number, "file": name}, rows=lambda limit: iter(made.lines[:limit]),
                button=t(f"commission.file_{name}"),
                pack=Pack(lambda _, ending=ending: f"{one.number}.{ending}", mime, _writer(write)),
            )  # fmt: skip
            export_sheet(at, sheet, st.container(width="content"), len(made.lines))


def _writer(write: Callable[[], bytes]) -> Callable[[Here, Export, Sequence[str], Cells], bytes]:
    return lambda here, one, headers, rows: write()


def _show(labels: Labels, place: int) -> Callable[[CommissionLine], str]:
    return lambda one: _texts(one, labels)[place]


def _title(made: Statement, labels: Labels) -> str:
    t = labels.texts
    return f"{t('commission.statement')} {made.settlement.number}"


def _mark(made: Statement, labels: Labels) -> str:
    t = labels.texts
    return t("commission.mark", number=made.settlement.number, hash=made.hash)


def _facts(made: Statement, labels: Labels) -> list[tuple[str, str]]:
    t, one = labels.texts, made.settlement
    versions = [f"{it.version_no} ({labels.day(it.valid_from)})" for it in made.contracts]
    return [
        (t("cases.agency"), f"{one.agency_code} {made.agency_name}"),
        (t("cases.currency"), one.currency),
        (t("commission.first_date"), labels.day(one.first_date)),
        (t("commission.last_date"), labels.day(one.end_date - timedelta(days=1))),
        (t("commission.lines"), labels.count(len(made.lines))),
        (t("commission.contract_version"), labels.listing(versions)),
    ]


def _totals(made: Statement, labels: Labels) -> list[tuple[str, int]]:
    t = labels.texts
    return [(t(f"commission.{name}"), getattr(made.result, f"{name}_minor")) for name in TOTALS]


def _said_totals(made: Statement, labels: Labels) -> list[tuple[str, str]]:
    return [(name, labels.money(minor, made.settlement.currency)) for name, minor in _totals(made, labels)]


def _headers(labels: Labels) -> list[str]:
    t = labels.texts
    return [t(f"commission.{key}") for key in _KEYS]


def _cells(one: CommissionLine, labels: Labels) -> list[object]:
    amounts = (one.base_minor, one.full_minor, one.cut_minor, one.fee_minor)
    return [
        one.line_no, labels.named(LINE_KIND_NAMES, one.kind), one.value_date, one.loan_id, one.payment_id, one.tier,
        rate(one), *(labels.figure(minor, one.currency) for minor in amounts),
    ]  # fmt: skip


def _texts(one: CommissionLine, labels: Labels) -> list[str]:
    amounts = (one.base_minor, one.full_minor, one.cut_minor, one.fee_minor)
    return [
        str(one.line_no), labels.named(LINE_KIND_NAMES, one.kind), one.value_date.isoformat(), one.loan_id or "–",
        one.payment_id or "–", one.tier or "–", rate(one), *(labels.minor(minor, one.currency) for minor in amounts),
    ]  # fmt: skip
