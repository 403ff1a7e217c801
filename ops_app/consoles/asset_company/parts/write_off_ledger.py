"""The ledger of write-offs (核销台账): filters, totals, how it ties to the accounts, and one record."""

from __future__ import annotations

import streamlit as st

from ops_app.consoles.asset_company.parts import write_off_list, write_off_record
from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.desk import choose_among
from ops_app.domain.ledger.write_off_criteria import PATH_NAMES, WriteOffPath
from ops_app.domain.ledger.write_offs import STANDING, WRITE_OFF_STATE_NAMES, WriteOffState
from ops_app.domain.organisation.amounts import sees_amounts
from ops_app.services.ledger.chart import chart
from ops_app.services.ledger.write_off_reading import Tie, WriteOffFilter, tie_to_accounts

_BOOKED = STANDING | {WriteOffState.REVERSED}


def show(at: Here) -> None:
    """Filters, the list, the tie to the accounts, and the record that was chosen."""
    wanted, filters = _filters(at)
    rows, selected = write_off_list.show(at, "write_off_ledger", wanted, filters, empty=at.t("write_offs.none_booked"))
    _ties(at)
    chosen = choose_among(
        at, "write_off", rows, selected, row_id=lambda one: one.write_off_id, label=at.t("write_offs.open"),
        show=lambda one: write_off_list.name_of(at, one),
    )  # fmt: skip
    if chosen:
        write_off_record.show(at, chosen)


def _filters(at: Here) -> tuple[WriteOffFilter, dict[str, str]]:
    t, language, labels = at.t, at.actor.language, at.labels
    one, two, three, four = st.columns(4)
    with one:
        state = url.choice(
            "write_off_state", t("write_offs.state"), ["", *(it.value for it in WriteOffState if it in _BOOKED)],
            lambda code: labels.named(WRITE_OFF_STATE_NAMES, code) if code else t("lists.all"), default="",
            language=language,
        )  # fmt: skip
    with two:
        path = path_choice(at)
    with three:
        lender = url.text("write_off_lender", t("write_offs.lender"), language=language, max_chars=64)
    with four:
        product = url.text("write_off_product", t("write_offs.product"), language=language, max_chars=64)
    one, two, three = st.columns([1, 1, 2])
    with one:
        since = url.day("write_off_since", t("write_offs.since"), lambda said: t("write_offs.no_day", text=said))
    with two:
        until = url.day("write_off_until", t("write_offs.until"), lambda said: t("write_offs.no_day", text=said))
    with three:
        text = url.text("write_off_text", t("lists.search"), placeholder=t("write_offs.search"), language=language)
    wanted = WriteOffFilter(
        states=frozenset({WriteOffState(state)}) if state else frozenset(_BOOKED),
        lender_code=lender or None, product_code=product or None, path=WriteOffPath(path) if path else None,
        since=since, until=until, text=text or None,
    )  # fmt: skip
    filters = {
        "state": state, "path": path, "lender": lender, "product": product, "text": text,
        "since": since.isoformat() if since else "", "until": until.isoformat() if until else "",
    }  # fmt: skip
    return wanted, filters


def path_choice(at: Here, *, name: str = "write_off_path", any_path: bool = True) -> str:
    """The path that a list is narrowed by."""
    options = (
        ["", *WriteOffPath] if any_path else [WriteOffPath.LONG_OVERDUE, WriteOffPath.DEATH, WriteOffPath.BANKRUPTCY]
    )
    return url.choice(
        name, at.t("write_offs.path"), [str(it) for it in options],
        lambda code: at.labels.named(PATH_NAMES, code) if code else at.t("lists.all"), default=str(options[0]),
        language=at.actor.language,
    )  # fmt: skip


def _ties(at: Here) -> None:
    """The accounts of write-off beside the register, per currency."""
    if not sees_amounts(at.actor):
        return
    t, labels = at.t, at.labels
    found = tie_to_accounts(at.actor, at.app.store, now=at.now)
    if not found:
        return
    Column = tables.Column[Tie]

    def account(one: Tie) -> str:
        it = chart()[one.account]
        return f"{it.number} {it.name_zh if at.actor.language == 'zh' else it.name_en}"

    def amount(name: str) -> tables.Column[Tie]:
        return Column(name, t(f"write_offs.tie.{name}"), lambda one: labels.minor(getattr(one, name), one.currency),
                      right=True)  # fmt: skip

    apart = [one for one in found if one.difference_minor]
    with st.expander(t("write_offs.tie.title"), expanded=bool(apart)):
        if apart:
            st.error(t("write_offs.tie.differs"))
        else:
            st.caption(t("write_offs.tie.holds"))
        columns = (
            Column("account", t("write_offs.account"), account),
            amount("ledger_minor"),
            amount("register_minor"),
            amount("others_minor"),
            amount("difference_minor"),
            Column("currency", t("cases.currency"), lambda one: one.currency, width="small"),
        )
        tables.show_rows(columns, found, title=t("write_offs.tie.title"))
