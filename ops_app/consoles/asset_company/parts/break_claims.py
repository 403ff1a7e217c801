"""The vouchers of the claims in a break: what the collector brought as proof, to be opened from here."""

from __future__ import annotations

from html import escape

import streamlit as st

from ops_app.consoles.casework.request_parts import address
from ops_app.consoles.kit.context import Here
from ops_app.domain.errors import DomainError
from ops_app.services.casework.request_reading import CaseRequestRecord, read_case_request
from ops_app.services.ledger.reconciliation import Break

MOST = 10
"""Claims of one break whose vouchers are listed; more are opened on the page of requests."""


def show(at: Here, one: Break) -> None:
    """The request of each claim with its files; nothing for a break without claims."""
    if not one.claim_ids or not at.may("requests.view"):
        return
    with st.container(border=True):
        st.markdown(f"**{at.t('breaks.vouchers')}**")
        for claim_id in one.claim_ids[:MOST]:
            try:
                found = read_case_request(at.actor, at.app.store, now=at.now, case_request_id=claim_id)
            except DomainError as error:
                st.caption(error.sentence(at.actor.language))
                continue
            st.html(_claim(at, found))


def _claim(at: Here, found: CaseRequestRecord) -> str:
    one = found.item
    head = f'<a href="{escape(address(one.case_request_id))}" target="_self">{escape(one.requested_by_name)}</a>'
    said = f"{head} · {escape(at.labels.moment(one.requested_at))} · {escape(one.reason)}"
    if not found.files:
        return f"<p>{said}<br>{escape(at.t('breaks.no_voucher'))}</p>"
    files = "".join(
        f'<li><a href="/api/v1/case-requests/{escape(one.case_request_id)}/files/{escape(file.evidence_id)}"'
        f' target="_blank">{escape(file.file_name)}</a> · {escape(file.added_by_name)} ·'
        f" {escape(at.labels.moment(file.added_at))}</li>"
        for file in found.files
    )
    return f"<p>{said}</p><ul>{files}</ul>"
