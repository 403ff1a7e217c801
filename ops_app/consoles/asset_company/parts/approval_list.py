"""Lists of requests: the queue, all, and one's own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ops_app.consoles.kit import tables, url
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.subjects import subject_of
from ops_app.domain.organisation.amounts import sees_amounts, sorts_for
from ops_app.domain.organisation.approvals import OPEN, REQUEST_STATE_NAMES, RequestState
from ops_app.services.organisation import approvals as engine
from ops_app.services.organisation.approvals import ApprovalRequest, RequestFilter, RequestsPage

STATES: dict[str, frozenset[RequestState]] = {
    "open": OPEN,
    **{state.value: frozenset({state}) for state in RequestState},
    "all": frozenset(RequestState),
}
AGES = ("", "1", "3", "7", "14")
AMOUNTS = ("", "1000", "10000", "100000", "1000000")
_DEFAULT_STATES = {"queue": RequestState.WAITING.value, "all": "open", "mine": "all"}
_PAGE = "_recoup_approvals_page"


def filters(at: Here, which: str) -> dict[str, str]:
    """Kind, age, amount, flag and text; the state too where it is not given by the list."""
    t, language, labels = at.t, at.actor.language, at.labels
    kinds = engine.kinds()
    chosen: dict[str, str] = {}
    with st.container(horizontal=True):
        if which != "queue":
            default = _DEFAULT_STATES[which]
            state = url.choice(
                f"approvals_{which}_state", t("approvals.state"), list(STATES), lambda code: _state_name(at, code),
                default=default, language=language,
            )  # fmt: skip
            chosen["state"] = "" if state == default else state
        chosen["kind"] = url.choice(
            f"approvals_{which}_kind", t("approvals.kind"), ["", *sorted(kinds)],
            lambda code: labels.named({one.code: one.name for one in kinds.values()}, code) if code else t("lists.all"),
            default="", language=language,
        )  # fmt: skip
        chosen["age"] = url.choice(
            f"approvals_{which}_age", t("approvals.least_age"), AGES,
            lambda code: labels.days(int(code)) if code else t("lists.all"), default="", language=language,
        )  # fmt: skip
        if sees_amounts(at.actor):
            chosen["amount"] = url.choice(
                f"approvals_{which}_amount", t("approvals.least_amount"), AMOUNTS,
                lambda code: labels.count(int(code)) if code else t("lists.all"), default="", language=language,
            )  # fmt: skip
        flags = {flag: name for kind in kinds.values() for flag, name in kind.flags.items()}
        names = {"": t("lists.all"), "any": t("approvals.any_flag"), "none": t("approvals.no_flag")}
        chosen["flag"] = url.choice(
            f"approvals_{which}_flag", t("approvals.flag"), [*names, *sorted(flags)],
            lambda code: names.get(code) or labels.named(flags, code), default="", language=language,
        )  # fmt: skip
        chosen["text"] = url.text(
            f"approvals_{which}_text", t("lists.search"), placeholder=t("approvals.search"), language=language
        )
    return chosen


def listing(at: Here, which: str) -> tables.Listing[ApprovalRequest]:
    """The list ``which`` (queue, all or mine) with what a person looks at first."""
    t, labels = at.t, at.labels

    def fetch(wanted: tables.Wanted) -> tuple[Sequence[ApprovalRequest], int]:
        page = _page(at, which, wanted)
        st.session_state[_PAGE] = page
        return page.rows, page.total

    Column = tables.Column[ApprovalRequest]
    return tables.Listing(
        name=f"approvals_{which}",
        title=t(f"approvals.tabs.{which}"),
        columns=(
            Column("kind", t("approvals.kind"), lambda one: kind_name(at, one.kind)),
            Column("object", t("approvals.object"), lambda one: subject(at, one), width="large"),
            Column(
                "amount", t("approvals.amount"), lambda one: labels.minor(one.amount_minor, one.currency or ""),
                value=lambda one: labels.figure(one.amount_minor, one.currency), right=True,
            ),
            Column("currency", t("approvals.currency"), lambda one: one.currency or "–"),
            Column("flags", t("approvals.flags"), lambda one: labels.listing(flag_names(at, one))),
            Column("state", t("approvals.state"), lambda one: labels.named(REQUEST_STATE_NAMES, one.state)),
            Column("level", t("approvals.level"), lambda one: f"{one.level_no}/{len(one.levels)}"),
            Column("awaited", t("approvals.awaited"), lambda one: labels.role(one.awaited_role or "")),
            Column("maker", t("approvals.maker"), lambda one: one.maker_name),
            Column("made", t("approvals.made"), lambda one: labels.moment(one.made_at)),
            Column("expires", t("approvals.expires"), lambda one: labels.moment(one.expires_at)),
            Column("reason", t("forms.reason"), lambda one: one.reason),
        ),
        row_id=lambda one: one.request_id,
        fetch=fetch,
        sorts={name: t(f"approvals.sorts.{name}") for name in sorts_for(at.actor, engine.SORTABLE)},
        default_sort="made_at",
        default_descending=which != "queue",
        selectable=True,
        empty=t(f"approvals.none.{which}"),
    )  # fmt: skip


def _page(at: Here, which: str, wanted: tables.Wanted) -> RequestsPage:
    chosen = wanted.filters
    flag = chosen["flag"]
    asked = RequestFilter(
        states=STATES[chosen.get("state") or _DEFAULT_STATES[which]],
        kinds=frozenset({chosen["kind"]}) if chosen["kind"] else frozenset(),
        flag=flag if flag not in ("", "any", "none") else None,
        is_flagged={"any": True, "none": False}.get(flag),
        least_units=int(chosen["amount"]) if chosen.get("amount") else None,
        made_until=at.now - timedelta(days=int(chosen["age"])) if chosen["age"] else None,
        text=chosen["text"] or None,
    )
    window = {"sort": wanted.sort, "descending": wanted.descending, "page": wanted.page, "page_size": wanted.limit}
    if which == "mine":
        return engine.my_requests(at.actor, at.app.store, now=at.now, wanted=asked, **window)  # type: ignore[arg-type]
    return engine.list_requests(
        at.actor, at.app.store, now=at.now, wanted=asked, only_mine=which == "queue", **window  # type: ignore[arg-type]
    )  # fmt: skip


def _state_name(at: Here, code: str) -> str:
    if code in ("open", "all"):
        return at.t(f"approvals.states.{code}")
    return at.labels.named(REQUEST_STATE_NAMES, RequestState(code))


def kind_name(at: Here, code: str) -> str:
    """What a kind is called; one that this program does not know shows its code."""
    return at.labels.named({one.code: one.name for one in engine.kinds().values()}, code)


def subject(at: Here, one: ApprovalRequest) -> str:
    """What a request is about, in words."""
    return subject_of(at, one.kind, one.object_id, one.arguments)


def flag_names(at: Here, one: ApprovalRequest) -> list[str]:
    """The risk flags of a request in words."""
    known = engine.kinds().get(one.kind)
    return [at.labels.named(known.flags if known else {}, flag) for flag in one.flags]


def name_of(at: Here, one: ApprovalRequest) -> str:
    """One request on one line, as a choice."""
    amount = "" if one.currency is None else f" · {at.labels.money(one.amount_minor, one.currency)}"
    return f"{kind_name(at, one.kind)} · {subject(at, one)}{amount} · {one.maker_name}"


def totals_place() -> DeltaGenerator:
    """Where the totals stand: above the filters that decide them."""
    return st.container(horizontal=True)


def show_totals(at: Here, place: DeltaGenerator) -> None:
    """How many requests match and what they add up to, per currency."""
    page: RequestsPage = st.session_state[_PAGE]
    with place:
        st.metric(at.t("approvals.count"), at.labels.count(page.total), border=True, width="content")
        for currency, minor in page.totals.items():
            st.metric(
                at.t("approvals.sum", currency=currency), at.labels.money(minor, currency), border=True, width="content"
            )
