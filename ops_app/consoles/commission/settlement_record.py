"""One settlement: what it comes to, its lines, disputes, and what may be done with it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import streamlit as st

from ops_app.consoles.commission import lines, statement_files
from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.consoles.kit.record import facts
from ops_app.domain.errors import DomainError, Invalid
from ops_app.domain.ledger.commission_terms import AGENCY_CASH_NAMES
from ops_app.domain.ledger.commissions import LINE_KIND_NAMES
from ops_app.domain.ledger.settlements import (
    DISPUTE_STATE_NAMES,
    MOVES,
    SETTLEMENT_STATE_NAMES,
    DisputeState,
    SettlementMove,
)
from ops_app.domain.money import Money
from ops_app.domain.organisation.amounts import sees_amounts
from ops_app.domain.organisation.readiness import CHECK_NAMES
from ops_app.services.ledger import settlement_closing, settlements
from ops_app.services.ledger.commission_reading import (
    CollectorShare,
    SettlementRecord,
    collector_shares,
    read_own_settlement,
    read_settlement,
)
from ops_app.services.ledger.settlements import CommissionLine, Dispute

AMOUNTS = (
    "fees_minor", "carried_in_minor", "net_minor", "tax_minor", "gross_minor", "held_minor", "due_minor",
    "carried_out_minor", "receivable_minor",
)  # fmt: skip


def show(at: Here, settlement_id: str, *, own: bool) -> None:
    """The record of a settlement, for the asset company or (``own``) its agency."""
    t, labels = at.t, at.labels
    try:
        found = (read_own_settlement if own else read_settlement)(
            at.actor, at.app.store, now=at.now, settlement_id=settlement_id
        )
    except DomainError as error:
        st.error(error.sentence(at.actor.language))
        return
    made, one = found.statement, found.statement.settlement
    st.subheader(one.number, anchor=False)
    terms = next(it.terms for it in made.contracts if it.contract_id == one.contract_id)
    facts(
        {
            t("commission.state"): labels.named(SETTLEMENT_STATE_NAMES, one.state),
            t("cases.agency"): f"{one.agency_code} {made.agency_name}",
            t("commission.first_date"): labels.day(one.first_date),
            t("commission.last_date"): labels.day(one.end_date - timedelta(days=1)),
            t("commission.lines"): labels.count(len(made.lines)),
            **{
                t(f"commission.{name.removesuffix('_minor')}"): labels.money(getattr(made.result, name), one.currency)
                for name in AMOUNTS
            },
            t("commission.carried_since"): labels.day(made.result.carried_since),
            t("commission.agency_cash"): labels.named(AGENCY_CASH_NAMES, terms.agency_cash),
            t("commission.computed_at"): labels.moment(one.computed_at),
            t("commission.locked_at"): labels.moment(one.locked_at),
            t("commission.invoice"): one.invoice_number or "–",
            t("commission.paid_at"): labels.moment(one.paid_at),
            t("commission.hash"): one.content_hash or "–",
        }
    )
    if sees_amounts(at.actor):
        statement_files.offer(at, made)
    _acts(at, found, own)
    _disputes(at, found, own)
    if own:
        _collectors(at, found)
    st.markdown(f"**{t('commission.lines')}**")
    lines.show(at, own=own, settlement_id=settlement_id, name="settlement_lines")


def _may(found: SettlementRecord, what: SettlementMove) -> bool:
    return what in MOVES[found.statement.settlement.state]


def _acts(at: Here, found: SettlementRecord, own: bool) -> None:
    t, one = at.t, found.statement.settlement
    about: dict[str, Any] = {"now": at.now, "settlement_id": one.settlement_id}
    if own:
        if _may(found, SettlementMove.CONFIRM):
            with form(at, f"confirm_{one.settlement_id}") as f:
                version = f.version(one.version)
                f.submit(t("commission.confirm"))
            f.run(
                lambda _: settlements.confirm_settlement(at.actor, at.app.store, version=version, **about),
                done=t("commission.confirmed"),
            )
        return
    if not at.may("commission.settle"):
        return
    if _may(found, SettlementMove.PRESENT):
        with form(at, f"reckon_{one.settlement_id}") as f:
            version = f.version(one.version)
            f.submit(t("commission.reckon"), primary=False)
        f.run(
            lambda _: settlements.reckon_settlement(at.actor, at.app.store, version=version, **about),
            done=lambda it: t("commission.reckoned", count=at.labels.count(it.lines)),
        )
        with form(at, f"present_{one.settlement_id}") as f:
            presented = f.version(one.version)
            f.submit(t("commission.present"))
        f.run(
            lambda _: settlements.present_settlement(at.actor, at.app.store, version=presented, **about),
            done=t("commission.presented"),
        )
    if found.disputes and _may(found, SettlementMove.ANSWER) and not _open_disputes(found):
        st.info(t("commission.all_answered"))
    if _may(found, SettlementMove.TAKE_BACK) and not _open_disputes(found):
        with st.expander(t("commission.take_back")), form(at, f"take_back_{one.settlement_id}") as f:
            taken = f.version(one.version)
            reason = f.reason("reason", t("forms.reason"))
            f.submit(t("commission.take_back"), primary=False)
        f.run(
            lambda _: settlements.take_back_settlement(at.actor, at.app.store, version=taken, reason=reason, **about),
            done=t("commission.taken_back"),
        )
    if _may(found, SettlementMove.LOCK):
        _lock(at, found)
    if _may(found, SettlementMove.PAY) and at.may("commission.pay"):
        _pay(at, found)


def _open_disputes(found: SettlementRecord) -> list[Dispute]:
    return [it for it in found.disputes if it.state is DisputeState.OPEN]


def _lock(at: Here, found: SettlementRecord) -> None:
    t, one = at.t, found.statement.settlement
    failed = [] if found.verdict is None else list(found.verdict.failed)
    for check in failed:
        st.warning(t("commission.check_failed", check=at.labels.named(CHECK_NAMES, check.name)))
    if failed:
        with form(at, f"override_{one.settlement_id}") as f:
            why = f.reason("reason", t("commission.override_reason"))
            f.submit(t("commission.ask_override"), primary=False)
        f.run(
            lambda key: settlement_closing.request_override(
                at.actor, at.app.store, now=at.now, settlement_id=one.settlement_id, reason=why, key=key
            ),
            done=t("commission.asked"),
        )
    with form(at, f"lock_{one.settlement_id}") as f:
        version = f.version(one.version)
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("commission.ask_lock"))
    f.run(
        lambda key: settlement_closing.request_lock(
            at.actor, at.app.store, now=at.now, settlement_id=one.settlement_id, version=version, reason=reason, key=key
        ),
        done=t("commission.asked"),
    )


def _pay(at: Here, found: SettlementRecord) -> None:
    t, one = at.t, found.statement.settlement
    with form(at, f"pay_{one.settlement_id}") as f:
        version = f.version(one.version)
        number = f.text("invoice_number", t("commission.invoice"), max_chars=64)
        amount = f.text("invoice_minor", t("commission.invoice_amount"), max_chars=20)
        f.submit(t("commission.pay"))
    f.require({"invoice_number": number, "invoice_minor": amount})
    f.run(
        lambda _: settlement_closing.pay_settlement(
            at.actor, at.app.store, now=at.now, settlement_id=one.settlement_id, version=version,
            invoice_number=number, invoice_minor=minor_of(amount, one.currency, "invoice_minor"),
        ),
        done=t("commission.paid"),
    )  # fmt: skip


def minor_of(text: str, currency: str, field: str) -> int:
    """What was typed as an amount, in whole minor units. Raises ``Invalid`` beside ``field``."""
    try:
        return Money.parse(text.replace(",", "").strip(), currency).minor
    except Invalid as error:
        raise Invalid(error.en, error.zh, field=field) from error


def decimal_of(text: str, field: str) -> Decimal:
    """What was typed as a number. Raises ``Invalid`` beside ``field``."""
    try:
        return Decimal(text.strip())
    except InvalidOperation as error:
        raise Invalid(f"{text!r} is no number.", f"{text!r} 不是数字。", field=field) from error


def _disputes(at: Here, found: SettlementRecord, own: bool) -> None:
    t, labels, one = at.t, at.labels, found.statement.settlement
    numbers = {it.line_id: it.line_no for it in found.statement.lines}
    if found.disputes:
        st.markdown(f"**{t('commission.disputes')}**")
        Column = tables.Column[Dispute]
        tables.show_rows(
            (
                Column("line", t("commission.line_no"), lambda it: labels.count(numbers.get(it.line_id)), right=True),
                Column("state", t("commission.dispute_state"), lambda it: labels.named(DISPUTE_STATE_NAMES, it.state)),
                Column("by", t("commission.raised_by"), lambda it: it.raised_by_name),
                Column("why", t("forms.reason"), lambda it: it.reason),
                Column("answer", t("commission.answer"), lambda it: it.answer or "–"),
                Column("answered", t("commission.answered_by"), lambda it: it.answered_by_name or "–"),
            ),
            found.disputes,
            title=t("commission.disputes"),
        )
    if own and _may(found, SettlementMove.DISPUTE):
        with st.expander(t("commission.dispute")), form(at, f"dispute_{one.settlement_id}") as f:
            version = f.version(one.version)
            by_id = {it.line_id: it for it in found.statement.lines}
            line = f.choice("line_id", t("commission.line_no"), list(numbers), lambda it: _line(at, by_id[it]),
                            index=None)  # fmt: skip
            reason = f.reason("reason", t("forms.reason"))
            f.submit(t("commission.dispute"), primary=False)
        f.require({"line_id": line})
        f.run(
            lambda _: settlements.dispute_line(
                at.actor, at.app.store, now=at.now, settlement_id=one.settlement_id, line_id=str(line),
                version=version, reason=reason,
            ),
            done=t("commission.disputed"),
        )  # fmt: skip
    waiting = _open_disputes(found)
    if not own and waiting and at.may("commission.settle") and _may(found, SettlementMove.ANSWER):
        _answer(at, found, waiting[0], numbers[waiting[0].line_id])


def _line(at: Here, one: CommissionLine) -> str:
    """A line as it is chosen: its number, loan and fee."""
    fee = at.labels.money(one.fee_minor, one.currency)
    return " · ".join((str(one.line_no), one.loan_id or at.labels.named(LINE_KIND_NAMES, one.kind), fee))


def _answer(at: Here, found: SettlementRecord, said: Dispute, number: int) -> None:
    t, one = at.t, found.statement.settlement
    names = {"rejected": DisputeState.REJECTED, "accepted": DisputeState.ACCEPTED}
    with form(at, f"answer_{said.dispute_id}") as f:
        version = f.version(one.version)
        st.caption(t("commission.answer_line", line=number, reason=said.reason))
        what = f.choice("accept", t("commission.decision"), list(names),
                        lambda it: at.labels.named(DISPUTE_STATE_NAMES, names[it]))  # fmt: skip
        amount = f.text("correction_minor", t("commission.correction"), value="0", max_chars=20)
        answer = f.reason("reason", t("commission.answer"))
        f.submit(t("commission.do_answer"))
    f.run(
        lambda _: settlements.answer_dispute(
            at.actor, at.app.store, now=at.now, dispute_id=said.dispute_id, version=version,
            accept=what == "accepted", answer=answer,
            correction_minor=minor_of(amount or "0", one.currency, "correction_minor"),
        ),
        done=t("commission.answered"),
    )  # fmt: skip


def _collectors(at: Here, found: SettlementRecord) -> None:
    t, labels, one = at.t, at.labels, found.statement.settlement
    shares = collector_shares(at.actor, at.app.store, now=at.now, zone=labels.zone, settlement_id=one.settlement_id)
    if not shares:
        return
    st.markdown(f"**{t('commission.collectors')}**")
    Column = tables.Column[CollectorShare]

    def amount(key: str, name: str) -> tables.Column[CollectorShare]:
        return Column(key, t(f"commission.{key}"), lambda it: labels.minor(getattr(it, name), one.currency), right=True)

    tables.show_rows(
        (
            Column("name", t("commission.collector"), lambda it: it.collector_name or t("commission.nobody")),
            Column("lines", t("commission.lines"), lambda it: labels.count(it.lines), right=True),
            amount("base", "base_minor"),
            amount("fee", "fee_minor"),
            amount("share_amount", "share_minor"),
        ),
        shares,
        title=t("commission.collectors"),
    )
