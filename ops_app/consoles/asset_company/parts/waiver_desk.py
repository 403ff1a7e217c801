"""The desk on which waivers and plans are audited: the list, the limits of the chosen one, and its decision."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ops_app.consoles.casework import request_parts
from ops_app.consoles.casework.request_list import STATES
from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.desk import choose
from ops_app.consoles.kit.export_button import export_list
from ops_app.consoles.kit.forms import form
from ops_app.domain.casework.requests import CASE_REQUEST_KIND_NAMES, CaseRequestKind
from ops_app.domain.errors import DomainError
from ops_app.domain.ledger.waiver_limits import LIMIT_NAMES, LimitUse
from ops_app.domain.organisation.amounts import sees_amounts, sorts_for
from ops_app.domain.organisation.approvals import REQUEST_STATE_NAMES, RequestState
from ops_app.services.casework.request_kinds import FLAGS
from ops_app.services.casework.request_reading import SORTABLE, CaseRequestFilter, read_case_request
from ops_app.services.casework.waiver_audit import AuditRow, audit_waivers, grant_uncounted, waiver_limits

KINDS = (CaseRequestKind.WAIVER, CaseRequestKind.INSTALMENT)
Column = tables.Column[AuditRow]


def show(at: Here) -> None:
    """Filters, list, and the chosen request with its limits above its decision."""
    listing = _listing(at)
    shown = tables.show_list(at, listing, _filters(at))
    export_list(at, listing, shown)
    chosen = choose(
        at, listing, shown, label=at.t("approvals.open_one"),
        show=lambda row: request_parts.name_of(at, row.item),
    )  # fmt: skip
    if chosen:
        _limits(at, chosen)
        request_parts.show(at, chosen)
        _uncounted(at, chosen)


def _filters(at: Here) -> dict[str, str]:
    t, language, labels = at.t, at.actor.language, at.labels
    with st.container(horizontal=True):
        state = url.choice(
            "waiver_audit_state", t("approvals.state"), list(STATES),
            lambda code: t(f"requests.states.{code}") if code in ("open", "all")
            else labels.named(REQUEST_STATE_NAMES, RequestState(code)),
            default="open", language=language,
        )  # fmt: skip
        kind = url.choice(
            "waiver_audit_kind", t("requests.kind"), ["", *(kind.value for kind in KINDS)],
            lambda code: labels.named(CASE_REQUEST_KIND_NAMES, code) if code else t("lists.all"),
            default="", language=language,
        )  # fmt: skip
        agency = url.text("waiver_audit_agency", t("cases.agency"), language=language, max_chars=32)
        text = url.text("waiver_audit_text", t("lists.search"), placeholder=t("requests.search"), language=language)
    return {"state": "" if state == "open" else state, "kind": kind, "agency": agency, "text": text}


def _listing(at: Here) -> tables.Listing[AuditRow]:
    t = at.t

    def fetch(wanted: tables.Wanted) -> tuple[Sequence[AuditRow], int]:
        chosen = wanted.filters
        asked = CaseRequestFilter(
            states=STATES[chosen["state"] or "open"],
            kinds=frozenset({CaseRequestKind(chosen["kind"])} if chosen["kind"] else KINDS),
            agency_code=chosen["agency"] or None,
            text=chosen["text"] or None,
        )
        found = audit_waivers(
            at.actor, at.app.store, now=at.now, wanted=asked, sort=wanted.sort, descending=wanted.descending,
            page=wanted.page, page_size=wanted.limit,
        )  # fmt: skip
        return found.rows, found.total

    def of_request(column: tables.Column[request_parts.CaseRequest]) -> Column:
        return Column(
            column.key, column.label, lambda row: column.show(row.item),
            value=None if column.value is None else lambda row: column.value(row.item),  # type: ignore[misc]
            right=column.right, width=column.width,
        )  # fmt: skip

    shown = [of_request(one) for one in request_parts.columns(at)]
    return tables.Listing(
        name="waiver_audit",
        title=t("page.waiver_audit.title"),
        columns=(
            *shown[:4],
            Column("case_before", t("waiver_audit.case_before"), lambda row: _used(at, row, "case"), right=True),
            Column("debtor_before", t("waiver_audit.debtor_before"), lambda row: _used(at, row, "debtor"), right=True),
            Column("flags", t("waiver_audit.flags"), lambda row: _flags(at, row.flags)),
            *shown[4:],
        ),
        row_id=lambda row: row.item.case_request_id,
        fetch=fetch,
        sorts={name: t(f"requests.sorts.{name}") for name in sorts_for(at.actor, SORTABLE)},
        default_sort="due_at",
        default_descending=False,
        selectable=True,
        empty=t("waiver_audit.empty"),
    )


def _used(at: Here, row: AuditRow, code: str) -> str:
    """What was granted before of a limit, and the limit."""
    for one in row.uses:
        if one.code == code:
            minor = at.labels.minor
            return f"{minor(one.before_minor, row.item.currency)} / {minor(one.most_minor, row.item.currency)}"
    return "–"


def _flags(at: Here, codes: Sequence[str]) -> str:
    return at.labels.listing([at.labels.named(FLAGS, code) for code in codes]) or "–"


def _limits(at: Here, case_request_id: str) -> None:
    """Every limit that holds for the chosen waiver: allowed, granted before, asked for now, and what would be over."""
    t, labels = at.t, at.labels
    try:
        one = read_case_request(at.actor, at.app.store, now=at.now, case_request_id=case_request_id).item
        found = waiver_limits(at.actor, at.app.store, now=at.now, case_request_id=case_request_id)
    except DomainError:
        return  # the record below says that there is none
    if not found:
        return
    Shown = tables.Column[LimitUse]

    def money(name: str) -> Shown:
        return Shown(
            name, t(f"waiver_audit.{name}"), lambda use: labels.money(getattr(use, f"{name}_minor"), one.currency),
            right=True,
        )  # fmt: skip

    def over(use: LimitUse) -> str:
        if not sees_amounts(at.actor):
            return labels.hidden
        return t("waiver_audit.over") if use.is_over else t("waiver_audit.within")

    shown = (
        Shown("limit", t("waiver_audit.limit"), lambda use: labels.named(LIMIT_NAMES, use.code)),
        money("most"),
        money("before"),
        money("asked"),
        Shown("over", t("waiver_audit.verdict"), over),
    )
    st.markdown(f"**{t('waiver_audit.limits')}**")
    tables.show_rows(shown, found, title=t("waiver_audit.limits"))


def _uncounted(at: Here, case_request_id: str) -> None:
    """Approve it so that it does not count in performance."""
    t = at.t
    try:
        found = read_case_request(at.actor, at.app.store, now=at.now, case_request_id=case_request_id)
    except DomainError:
        return
    if found.refusal is not None or not at.may("approvals.decide") or not sees_amounts(at.actor):
        return
    approval = found.approval
    with st.expander(t("waiver_audit.uncounted")):
        st.caption(t("waiver_audit.uncounted_help"))
        with form(at, f"uncounted_{case_request_id}") as f:
            version, content = f.version(approval.version), f.version(approval.content_hash, "content")
            reason = f.reason("reason", t("forms.reason"))
            f.submit(t("waiver_audit.grant_uncounted"), primary=False)
        f.run(
            lambda key: grant_uncounted(
                at.actor, at.app.store, now=at.now, case_request_id=case_request_id, expected_version=version,
                content_hash=content, reason=reason, key=key,
            ),
            done=lambda done: t("approvals.done", state=at.labels.named(REQUEST_STATE_NAMES, done.state)),
        )  # fmt: skip
