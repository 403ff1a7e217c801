"""Lines of commission as a list with totals, and one line down to the payment, the journal and the placement."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ops_app.consoles.casework.columns import SHORT_NUMBER
from ops_app.consoles.casework.narrowing import agency_choice
from ops_app.consoles.commission.rates import rate
from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.desk import choose_among
from ops_app.consoles.kit.export_button import export_stream
from ops_app.consoles.kit.record import facts
from ops_app.consoles.pages import PAGES
from ops_app.domain.errors import DomainError
from ops_app.domain.ledger.accounts import COMPONENT_NAMES
from ops_app.domain.ledger.commission_terms import PAID_TO_NAMES
from ops_app.domain.ledger.commissions import LINE_KIND_NAMES, LineKind
from ops_app.domain.ledger.settlements import SETTLEMENT_STATE_NAMES, SettlementState
from ops_app.domain.organisation.amounts import sorts_for
from ops_app.domain.paging import MOST_COUNTED
from ops_app.services.ledger.commission_reading import (
    IN_ORDER,
    SORTS,
    JournalStep,
    LineFilter,
    LineRecord,
    LinesPage,
    ListedLine,
    list_lines,
    list_own_lines,
    list_tiers,
    read_line,
    read_own_line,
)
from ops_app.store.ledger.commissions import CommissionLine

_OF_THE_SETTLEMENT = ("agency", "settlement", "state", "currency")
"""Columns that say the same on every line of one settlement."""
CASES = next(spec.path for spec in PAGES if spec.key == "cases")


def show(at: Here, *, own: bool, settlement_id: str | None = None, name: str = "lines") -> None:
    """The list with its filters (of one settlement alone where one is named), its totals, and the line selected."""
    t = at.t
    wanted, sort, descending, filters = _wanted(at, name, own, settlement_id)
    last: list[LinesPage] = []

    def fetch(after: str | None, limit: int) -> tuple[Sequence[ListedLine], str | None]:
        read = list_own_lines if own else list_lines
        page = read(
            at.actor, at.app.store, now=at.now, wanted=wanted, sort=sort, descending=descending, after=after,
            limit=limit,
        )  # fmt: skip
        last[:] = [page]
        return page.rows, page.next_after

    columns = [it for it in _columns(at) if settlement_id is None or it.key not in _OF_THE_SETTLEMENT]
    stream = tables.Stream(
        name=name, title=t("commission.lines"), columns=columns, row_id=lambda row: row[0].line_id, fetch=fetch
    )
    place = st.container(horizontal=True)
    rows, selected = tables.show_keyed(
        at, stream, filters, empty=t("commission.no_lines"), narrowed=any(filters.values())
    )
    if not rows:
        return
    _totals(at, last[0], place)
    export_stream(at, stream, filters, place)
    chosen = choose_among(
        at, name, rows, selected, row_id=lambda row: row[0].line_id, label=t("commission.open_line"),
        show=lambda row: f"{row[1]} · {row[0].line_no}",
    )  # fmt: skip
    if chosen:
        _record(at, chosen, own)


def _wanted(at: Here, name: str, own: bool, settlement_id: str | None) -> tuple[LineFilter, str, bool, dict[str, str]]:
    t, labels, language = at.t, at.labels, at.actor.language
    if settlement_id is not None:
        return LineFilter(settlement_id=settlement_id), IN_ORDER, False, {"settlement": settlement_id}
    sorts = [f"{sort}{sign}" for sort in sorts_for(at.actor, SORTS) for sign in "-+"]
    one, two, three, four = st.columns(4)
    with one:
        agency = "" if own else agency_choice(at, f"{name}_agency")
        kind = url.choice(
            f"{name}_kind", t("commission.kind"), ["", *(it.value for it in LineKind)],
            lambda code: labels.named(LINE_KIND_NAMES, code) if code else t("lists.all"), default="",
            language=language,
        )  # fmt: skip
    with two:
        states = [it.value for it in SettlementState if not own or it is not SettlementState.DRAFT]
        state = url.choice(
            f"{name}_state", t("commission.state"), ["", *states],
            lambda code: labels.named(SETTLEMENT_STATE_NAMES, code) if code else t("lists.all"), default="",
            language=language,
        )  # fmt: skip
        known = [] if own else list_tiers(at.actor, at.app.store, now=at.now)
        tier = "" if own else url.choice(
            f"{name}_tier", t("commission.tier"), ["", *known], lambda code: code or t("lists.all"), default="",
            language=language,
        )  # fmt: skip
    with three:
        settlement = url.text(f"{name}_settlement", t("commission.settlement_id"), language=language)
        case_id = url.text(f"{name}_case", t("commission.case_id"), language=language)
    with four:
        batch = url.text(f"{name}_batch", t("commission.batch_id"), language=language)
        chosen = url.choice(
            f"{name}_sort", t("lists.sort"), sorts,
            lambda code: f"{t(f'commission.sorts.{code[:-1]}')} {'↓' if code.endswith('-') else '↑'}",
            default=sorts[0], language=language,
        )  # fmt: skip
    wanted = LineFilter(
        agency_code=agency or None, settlement_id=settlement.strip() or None, case_id=case_id.strip() or None,
        batch_id=batch.strip() or None, tier=tier or None, state=SettlementState(state) if state else None,
        kind=kind or None,
    )  # fmt: skip
    filters = {
        "agency": agency, "kind": kind, "state": state, "tier": tier, "settlement": settlement, "case": case_id,
        "batch": batch,
    }  # fmt: skip
    return wanted, chosen[:-1], chosen.endswith("-"), filters


def _totals(at: Here, page: LinesPage, place: st.delta_generator.DeltaGenerator) -> None:
    t, labels = at.t, at.labels
    shown = (
        labels.count(page.total)
        if page.total <= MOST_COUNTED
        else t("lists.at_least", count=labels.count(MOST_COUNTED))
    )
    each = [
        t(
            "commission.total",
            cash=labels.money(it.base_minor, it.currency),
            fee=labels.money(it.fee_minor, it.currency),
        )
        for it in page.sums
    ]
    place.caption(" · ".join([t("commission.count", count=shown), *each]))


def _columns(at: Here) -> tuple[tables.Column[ListedLine], ...]:
    t, labels = at.t, at.labels
    Column = tables.Column[ListedLine]

    def amount(key: str, name: str) -> tables.Column[ListedLine]:
        return Column(
            key, t(f"commission.{key}"), lambda row: labels.minor(getattr(row[0], name), row[0].currency),
            value=lambda row: labels.figure(getattr(row[0], name), row[0].currency), right=True,
        )  # fmt: skip

    return (
        Column("value_date", t("commission.value_date"), lambda row: labels.day(row[0].value_date)),
        Column("agency", t("cases.agency"), lambda row: row[0].agency_code, width="small"),
        Column("settlement", t("commission.settlement"), lambda row: row[1]),
        Column("line_no", t("commission.line_no"), lambda row: labels.count(row[0].line_no), right=True, width="small"),
        Column("kind", t("commission.kind"), lambda row: labels.named(LINE_KIND_NAMES, row[0].kind)),
        Column("loan", t("cases.loan"), lambda row: row[0].loan_id or "–"),
        Column("payment", t("commission.payment"), lambda row: row[0].payment_id or "–"),
        Column("tier", t("commission.tier"), lambda row: row[0].tier or "–", width="small"),
        Column("rate", t("commission.rate"), lambda row: rate(row[0]), right=True, width="small"),
        amount("base", "base_minor"),
        amount("fee", "fee_minor"),
        amount("full", "full_minor"),
        amount("cut", "cut_minor"),
        Column("currency", t("cases.currency"), lambda row: row[0].currency, width="small"),
        Column("state", t("commission.state"), lambda row: labels.named(SETTLEMENT_STATE_NAMES, row[2])),
        Column(
            "batch",
            t("commission.batch_id"),
            lambda row: (row[0].batch_id or "–")[:SHORT_NUMBER],
            lambda row: row[0].batch_id or "–",
        ),
        Column(
            "case",
            t("commission.case_id"),
            lambda row: (row[0].case_id or "–")[:SHORT_NUMBER],
            lambda row: row[0].case_id or "–",
        ),
    )


def _record(at: Here, line_id: str, own: bool) -> None:
    t, labels = at.t, at.labels
    try:
        found = (read_own_line if own else read_line)(at.actor, at.app.store, now=at.now, line_id=line_id)
    except DomainError as error:
        st.error(error.sentence(at.actor.language))
        return
    one = found.line
    st.subheader(t("commission.line_of", number=found.settlement.number, line=one.line_no), anchor=False)
    facts(
        {
            t("commission.kind"): labels.named(LINE_KIND_NAMES, one.kind),
            t("commission.value_date"): labels.day(one.value_date),
            t("cases.loan"): one.loan_id or "–",
            t("commission.payment"): one.payment_id or "–",
            t("commission.paid_to"): labels.named(PAID_TO_NAMES, one.paid_to) if one.paid_to else "–",
            t("commission.tier"): one.tier or "–",
            t("commission.rate"): rate(one),
            t("commission.base"): labels.money(one.base_minor, one.currency),
            t("commission.full"): labels.money(one.full_minor, one.currency),
            t("commission.cut"): labels.money(one.cut_minor, one.currency),
            t("commission.fee"): labels.money(one.fee_minor, one.currency),
            t("commission.contract_version"): labels.count(found.contract_version),
            t("commission.placed_at"): labels.moment(found.placed_at),
            t("commission.ended_at"): labels.moment(found.ended_at),
            t("cases.tail_until"): labels.day(found.tail_until_date),
            t("commission.age"): labels.days(one.facts.get("age_days")),
            t("commission.bucket"): str(one.facts.get("bucket") or "–"),
            t("forms.reason"): one.reason or "–",
        }
    )
    if one.case_id and not own:
        st.page_link(CASES, label=t("commission.open_case"), query_params={"case_id": one.case_id})
    _chain(at, found)


def _chain(at: Here, found: LineRecord) -> None:
    t, labels = at.t, at.labels
    currency = found.line.currency
    st.markdown(f"**{t('commission.chain')}**")
    Column = tables.Column[CommissionLine]
    tables.show_rows(
        (
            Column("nth", t("commission.nth"), lambda it: labels.count(it.nth), right=True),
            Column("kind", t("commission.kind"), lambda it: labels.named(LINE_KIND_NAMES, it.kind)),
            Column("tier", t("commission.tier"), lambda it: it.tier or "–"),
            Column("base", t("commission.base"), lambda it: labels.minor(it.base_minor, currency), right=True),
            Column("fee", t("commission.fee"), lambda it: labels.minor(it.fee_minor, currency), right=True),
            Column("made_at", t("commission.made_at"), lambda it: labels.moment(it.made_at)),
        ),
        found.chain,
        title=t("commission.chain"),
    )
    if found.journal:
        st.markdown(f"**{t('commission.journal')}**")
        Step = tables.Column[JournalStep]
        tables.show_rows(
            (
                Step("debit", t("commission.debit"), lambda it: it.debit),
                Step("credit", t("commission.credit"), lambda it: it.credit),
                Step("part", t("commission.component"),
                     lambda it: labels.named(COMPONENT_NAMES, it.component) if it.component else "–"),
                Step("amount", t("commission.amount"), lambda it: labels.minor(it.amount_minor, currency), right=True),
            ),
            found.journal,
            title=t("commission.journal"),
        )  # fmt: skip
