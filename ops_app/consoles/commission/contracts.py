"""Versions of contracts on commission, what a payment would earn by one, and the form that proposes the next."""

from __future__ import annotations

from decimal import Decimal

import streamlit as st
import yaml

from ops_app.consoles.commission.settlement_record import minor_of
from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.domain.ledger.commission_terms import TIERING_NAMES, Terms, stated
from ops_app.domain.ledger.commissions import Part
from ops_app.services.ledger.commission_contracts import (
    Contract,
    Tried,
    example_terms,
    list_contracts,
    propose_contract,
    read_terms,
    try_out,
)
from ops_app.services.organisation.agencies import agency_codes


def show(at: Here) -> Contract | None:
    """All versions, and the one that is chosen with its terms."""
    t, labels = at.t, at.labels
    known = list_contracts(at.actor, at.app.store, now=at.now)
    if not known:
        st.info(t("commission.no_contract"))
        return None
    Column = tables.Column[Contract]
    tables.show_rows(
        (
            Column("agency", t("cases.agency"), lambda it: it.agency_code),
            Column("currency", t("cases.currency"), lambda it: it.currency),
            Column("version", t("commission.contract_version"), lambda it: labels.count(it.version_no), right=True),
            Column("from", t("commission.valid_from"), lambda it: labels.day(it.valid_from)),
            Column("tiering", t("commission.tiering"), lambda it: labels.named(TIERING_NAMES, it.terms.tiering)),
            Column("at", t("commission.entered_at"), lambda it: labels.moment(it.entered_at)),
            Column("hash", t("commission.terms_hash"), lambda it: it.terms_hash[:16]),
        ),
        known,
        title=t("page.commission_contracts.title"),
    )
    by_id = {it.contract_id: it for it in known}
    chosen = url.choice(
        "contract_id", t("commission.contract_version"), list(by_id),
        lambda code: f"{by_id[code].agency_code} {by_id[code].currency} {by_id[code].version_no}",
        default=known[0].contract_id, language=at.actor.language,
    )  # fmt: skip
    st.code(as_text(by_id[chosen].terms), language="yaml")
    return by_id[chosen]


def as_text(terms: Terms) -> str:
    """The terms as a person edits them."""
    return str(yaml.safe_dump(stated(terms), allow_unicode=True, sort_keys=False))


def try_it(at: Here, chosen: Contract | None) -> None:
    """A payment, and its fee by the chosen version step by step."""
    if chosen is None:
        return
    t, currency = at.t, chosen.currency
    with st.expander(t("commission.try_out"), expanded=True), form(at, "commission_try_out") as f:
        one, two, three = st.columns(3)
        with one:
            cash = f.text("cash_minor", t("commission.cash"), value="1000.00", max_chars=20)
            before = f.text("before_minor", t("commission.before"), value="0", max_chars=20)
            age = f.text("age_days", t("commission.age_days"), value="90", max_chars=6)
        with two:
            balance = f.text("placed_balance_minor", t("commission.balance"), value="10000.00", max_chars=20)
            principal = f.text("original_principal_minor", t("commission.principal"), value="10000.00", max_chars=20)
            nth = f.text("placement_nth", t("commission.placement_nth"), value="1", max_chars=3)
        with three:
            bucket = f.text("bucket", t("commission.bucket"), value="M3", max_chars=8)
            product = f.text("product", t("commission.product"), max_chars=64)
            look = f.look(
                t("commission.try_out"),
                lambda: try_out(
                    at.actor, at.app.store, now=at.now, terms=chosen.terms,
                    cash_minor=minor_of(cash, currency, "cash_minor"),
                    before_minor=minor_of(before or "0", currency, "before_minor"),
                    placed_balance_minor=minor_of(balance, currency, "placed_balance_minor"),
                    original_principal_minor=minor_of(principal, currency, "original_principal_minor"),
                    age_days=whole_of(age, "age_days"), placement_nth=whole_of(nth, "placement_nth"), bucket=bucket,
                    product=product,
                ),
            )  # fmt: skip
    done = look()
    if done is not None:
        _steps(at, done, currency)


def whole_of(text: str, field: str) -> int:
    """What was typed as a whole number. Raises ``Invalid`` beside ``field``."""
    return minor_of(text, "JPY", field)  # a currency without decimals: whole units


def _steps(at: Here, done: Tried, currency: str) -> None:
    t, labels = at.t, at.labels

    def said(part: Part) -> tuple[str, str]:
        cash = labels.money(part.cash_minor, currency)
        if not part.tier:
            return t("commission.step_none", cash=cash), labels.minor(0, currency)
        text = t("commission.step_part", tier=part.tier, cash=cash, rate=labels.share(part.rate))
        return text, format((part.rate * Decimal(part.cash_minor)).scaleb(-2).normalize(), "f")

    steps = [said(part) for part in done.fee.parts]
    steps.append((t("commission.step_full"), labels.minor(done.fee.full_minor, currency)))
    if done.cap_minor is not None:
        cap = labels.money(done.cap_minor, currency)
        steps.append((t("commission.step_cap", cap=cap), labels.minor(-done.fee.cut_minor, currency)))
    steps.append((t("commission.step_fee"), labels.minor(done.fee.fee_minor, currency)))
    steps.append((t("commission.step_tax"), labels.minor(done.tax_minor, currency)))
    Column = tables.Column[tuple[str, str]]
    tables.show_rows(
        (Column("step", t("commission.step"), lambda it: it[0], width="large"),
         Column("amount", t("commission.amount"), lambda it: it[1], right=True)),
        steps,
        title=t("commission.try_out"),
    )  # fmt: skip


def propose(at: Here, chosen: Contract | None) -> None:
    """The form for a new version; a second person puts it in force."""
    t = at.t
    if not at.may("commission.contracts"):
        return
    agencies = agency_codes(at.actor, at.app.store)
    examples = example_terms()
    st.subheader(t("commission.propose"), anchor=False)
    begin_with = url.choice(
        "contract_example", t("commission.example"), ["", *examples], lambda code: code or "–", default="",
        language=at.actor.language,
    )  # fmt: skip
    start = str(yaml.safe_dump(dict(examples[begin_with]), allow_unicode=True, sort_keys=False)) if begin_with else ""
    with form(at, f"propose_contract_{begin_with}") as f:
        agency = f.choice("agency_code", t("cases.agency"), list(agencies), lambda it: f"{it} {agencies[it]}",
                          index=None)  # fmt: skip
        begin = f.day("valid_from", t("commission.valid_from"), at.today)
        terms = f.lines(
            "terms", t("commission.terms"), value=start or (as_text(chosen.terms) if chosen else ""),
            help=t("commission.terms_help"), height=320,
        )  # fmt: skip
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("commission.propose"))
    f.require({"agency_code": agency, "valid_from": begin, "terms": terms})
    f.run(
        lambda key: propose_contract(
            at.actor, at.app.store, now=at.now, agency_code=str(agency), valid_from=begin or at.today,
            terms=read_terms(terms), reason=reason, key=key,
        ),
        done=t("commission.proposed"),
    )  # fmt: skip
