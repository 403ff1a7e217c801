"""One write-off: what was asked for and approved, its components, evidence, entries and moves, its voucher, and the
form that asks for its reversal."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.kit import names, tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.export_button import export_sheet
from ops_app.consoles.kit.export_making import Sheet
from ops_app.consoles.kit.forms import form
from ops_app.consoles.kit.record import Happening, facts, history
from ops_app.consoles.pages import PAGES
from ops_app.domain.casework.cases import CASE_STATE_NAMES
from ops_app.domain.errors import DomainError
from ops_app.domain.ledger.accounts import COMPONENT_NAMES
from ops_app.domain.ledger.events import EVENT_KIND_NAMES
from ops_app.domain.ledger.write_off_criteria import METHOD_NAMES, PATH_NAMES, PROOF_NAMES
from ops_app.domain.ledger.write_offs import STANDING, WRITE_OFF_MOVE_NAMES, WRITE_OFF_STATE_NAMES, WriteOffState
from ops_app.services.ledger.chart import chart
from ops_app.services.ledger.write_off_reading import Entry, Line, Part, WriteOffRecord, lines_sequence, read_write_off
from ops_app.services.ledger.write_offs import LONGEST_VOUCHER, record_voucher, request_reversal

CASES = next(spec.path for spec in PAGES if spec.key == "cases")
Row = tuple[Entry, Line]


def show(at: Here, write_off_id: str) -> None:
    """The record, or the one sentence for a write-off that is missing or foreign."""
    t, labels = at.t, at.labels
    try:
        found = read_write_off(at.actor, at.app.store, now=at.now, write_off_id=write_off_id)
    except DomainError as error:
        st.error(error.sentence(at.actor.language))
        return
    one, recourse = found.item, found.recourse
    st.subheader(f"{one.loan_id} · {labels.named(WRITE_OFF_STATE_NAMES, one.state)}", anchor=False)
    facts(
        {
            t("write_offs.claim_minor"): labels.money(one.claim_minor, one.currency),
            t("write_offs.approved_minor"): labels.money(one.approved_minor, one.currency),
            t("write_offs.booked_minor"): labels.money(one.booked_minor, one.currency),
            t("write_offs.recovered_minor"): labels.money(one.recovered_minor, one.currency),
            t("write_offs.remaining_minor"): labels.money(one.remaining_minor, one.currency),
            t("write_offs.effective_date"): labels.day(one.effective_date),
            t("write_offs.path"): labels.named(PATH_NAMES, one.path),
            t("write_offs.method"): labels.named(METHOD_NAMES, one.method),
            t("write_offs.extent"): t("write_offs.whole" if one.is_whole else "write_offs.in_part"),
            t("cases.days_past_due"): labels.count(one.days_past_due),
            t("write_offs.approval_document"): one.approval_document,
            t("write_offs.gl_voucher"): one.gl_voucher or "–",
            t("write_offs.requested_by"): f"{one.requested_by_name} · {labels.moment(one.requested_at)}",
            t("write_offs.reason"): one.reason,
            t("write_offs.case_state"): labels.named(CASE_STATE_NAMES, found.case.state),
            t("write_offs.placements"): labels.count(recourse.placements),
            t("write_offs.interruptions"): labels.count(recourse.interruptions),
            t("write_offs.limitation"): labels.day(recourse.expires_date),
        }
    )
    st.page_link(CASES, label=t("write_offs.case"), query_params={"case_id": one.case_id})
    _components(at, found)
    _proofs(at, found)
    _entries(at, found)
    if at.may("write_offs.request"):
        _acts(at, found)
    else:
        st.caption(names.who_may(at, "write_offs.request"))
    asked = t("write_offs.asked_move")
    history(
        at,
        [
            Happening(it.made_at, it.made_by_name,
                      labels.named(WRITE_OFF_MOVE_NAMES, it.what) if it.what else asked, it.reason)
            for it in found.moves
        ],
    )  # fmt: skip


def _components(at: Here, found: WriteOffRecord) -> None:
    t, labels, currency = at.t, at.labels, found.item.currency
    Column = tables.Column[Part]

    def amount(name: str) -> tables.Column[Part]:
        return Column(name, t(f"write_offs.{name}"), lambda one: labels.minor(getattr(one, name), currency), right=True)

    shown = [one for one in found.components if one.claim_minor or one.later_minor or one.remaining_minor]
    st.markdown(f"**{t('write_offs.components')}** · {currency}")
    tables.show_rows(
        (
            Column("component", t("write_offs.component"), lambda one: labels.named(COMPONENT_NAMES, one.component)),
            amount("claim_minor"), amount("approved_minor"), amount("booked_minor"), amount("earlier_minor"),
            amount("later_minor"), amount("recovered_minor"), amount("ended_minor"), amount("remaining_minor"),
        ),
        shown,
        title=t("write_offs.components"),
    )  # fmt: skip


def _proofs(at: Here, found: WriteOffRecord) -> None:
    t, labels = at.t, at.labels
    st.markdown(f"**{t('write_offs.proofs')}**")
    facts({labels.named(PROOF_NAMES, one.kind): f"{one.file_name} · {one.sha256[:16]}" for one in found.item.proofs})


def _entries(at: Here, found: WriteOffRecord) -> None:
    """Entries spelt out line by line, with the account of either side, and their export."""
    t, labels = at.t, at.labels
    rows = lines_sequence(found.entries)
    if not rows:
        return
    Column = tables.Column[Row]

    def account(code: str) -> str:
        it = chart()[code]
        return f"{it.number} {it.name_zh if at.actor.language == 'zh' else it.name_en}"

    columns = (
        Column("number", t("write_offs.entry"), lambda row: str(row[0].entry_no), width="small"),
        Column("what", t("write_offs.event"), lambda row: labels.named(EVENT_KIND_NAMES, row[0].kind)),
        Column("reverses", t("write_offs.storno"), lambda row: t("write_offs.yes") if row[0].reverses else "–"),
        Column("value_date", t("write_offs.value_date"), lambda row: labels.day(row[0].value_date)),
        Column("accounting", t("write_offs.accounting_date"), lambda row: labels.day(row[0].accounting_date)),
        Column("debit", t("write_offs.debit"), lambda row: account(row[1].debit)),
        Column("credit", t("write_offs.credit"), lambda row: account(row[1].credit)),
        Column("component", t("write_offs.component"), lambda row: labels.named(COMPONENT_NAMES, row[1].component)),
        Column("amount", t("write_offs.amount"), lambda row: labels.minor(row[1].amount_minor, row[0].currency),
               value=lambda row: labels.figure(row[1].amount_minor, row[0].currency), right=True),
        Column("currency", t("cases.currency"), lambda row: row[0].currency, width="small"),
        Column("posted", t("write_offs.posted_at"), lambda row: labels.moment(row[0].posted_at)),
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{t('write_offs.entries')}**")
        place = st.container(width="content")
    tables.show_rows(columns, rows, title=t("write_offs.entries"))
    sheet = Sheet(
        "write_off_entries", t("write_offs.entries"), columns, {"write_off_id": found.item.write_off_id},
        lambda limit: iter(rows[:limit]), said=[(t("write_offs.number"), found.item.write_off_id)],
    )  # fmt: skip
    export_sheet(at, sheet, place, len(rows))


def _acts(at: Here, found: WriteOffRecord) -> None:
    one, t = found.item, at.t
    if one.state is WriteOffState.REVERSED or one.state in STANDING:
        with st.expander(t("write_offs.keep_voucher")):
            with form(at, f"voucher_{one.write_off_id}") as f:
                version = f.version(one.version)
                number = f.text(
                    "gl_voucher", t("write_offs.gl_voucher"), value=one.gl_voucher or "", max_chars=LONGEST_VOUCHER
                )
                f.submit(t("write_offs.keep_it"))
            f.require({"gl_voucher": number})
            f.run(
                lambda _key: record_voucher(
                    at.actor, at.app.store, now=at.now, write_off_id=one.write_off_id, version=version,
                    gl_voucher=number,
                ),
                done=t("write_offs.voucher_kept"),
            )  # fmt: skip
    if one.state in STANDING:
        with st.expander(t("write_offs.reverse")):
            st.caption(t("write_offs.reverse_lead"))
            with form(at, f"reverse_{one.write_off_id}") as f:
                version = f.version(one.version)
                reason = f.reason("reason", t("forms.reason"))
                f.submit(t("write_offs.ask_reversal"))
            f.require({"reason": reason})
            f.run(
                lambda key: request_reversal(
                    at.actor, at.app.store, now=at.now, write_off_id=one.write_off_id, version=version, reason=reason,
                    key=key,
                ),
                done=t("write_offs.reversal_asked"),
            )  # fmt: skip
