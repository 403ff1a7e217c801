"""One break: both sides beside each other, what is suggested, what may be decided, and what was decided so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from ops_app.consoles.asset_company.parts import break_claims
from ops_app.consoles.asset_company.parts.break_list import name_of
from ops_app.consoles.kit import record
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import Form, form
from ops_app.domain.ledger.breaks import (
    BREAK_KIND_NAMES,
    BREAK_MOVE_NAMES,
    BREAK_STATE_NAMES,
    SUGGESTED_ACTIONS,
    SUGGESTION_REASONS,
    BreakMove,
    Leg,
    leg_of,
)
from ops_app.domain.ledger.repayments import FIELD_NAMES, REPAYMENT_KIND_NAMES
from ops_app.services.ledger import reconciliation as desk
from ops_app.services.ledger.reconciliation import Break, BreakFilter, BreakRecord
from ops_app.services.ledger.reversing import request_reversal

_CANDIDATES = 50
SIDES: dict[Leg, tuple[str, ...]] = {
    Leg.BANK: ("lender", "bank", "recorded"),
    Leg.REPORT: ("lender", "report"),
    Leg.CLAIM: ("lender", "claim"),
}
"""What stands beside each other on each leg."""
_TOLD_FIELDS = ("agency_code", "claim_id", "collector", "paid_date", "claimed_at", "remitted", "file_date")
_BANK_FIELDS = ("line_id", "account", "booked_date", "direction", "counterparty_name", "counterparty_account")
_ORDER = tuple(dict.fromkeys(("payment_id", "line_id", *FIELD_NAMES, *_BANK_FIELDS, *_TOLD_FIELDS)))


def show(at: Here, break_id: str) -> None:
    """The record of a break and the form that decides it."""
    found = desk.read_break(at.actor, at.app.store, now=at.now, break_id=break_id)
    one, t, labels = found.item, at.t, at.labels
    st.subheader(name_of(at, one), anchor=False)
    record.facts(
        {
            t("breaks.kind"): labels.named(BREAK_KIND_NAMES, one.kind),
            t("breaks.state"): labels.named(BREAK_STATE_NAMES, one.state),
            t("breaks.age"): labels.days(found.age_days),
            t("breaks.difference"): labels.money(one.difference_minor, one.currency),
            t("breaks.owner"): found.owner_name or labels.role(found.owner),
            t("breaks.escalated"): labels.day(one.escalated_date),
            t("breaks.suggestion"): _suggestion(at, one),
        }
    )
    sides = SIDES[leg_of(one.kind)]
    for place, side in zip(st.columns(len(sides)), sides, strict=True):
        with place, st.container(border=True):
            st.markdown(f"**{t(f'breaks.{side}')}**")
            _side(at, one, side)
    break_claims.show(at, one)
    for order in found.reversals:
        st.info(t("breaks.reversal_ordered", payment=order.payment_id, day=labels.moment(order.ordered_at)))
    if found.moves and at.may("reconciliation.decide"):
        _decide(at, found)
    elif found.moves:
        st.caption(t("breaks.only_look"))
    _history(at, found)


def _suggestion(at: Here, one: Break) -> str:
    action = at.labels.named(SUGGESTED_ACTIONS, one.suggestion.get("action"))
    reason = at.labels.named(SUGGESTION_REASONS, one.suggestion.get("reason"))
    return at.t("breaks.suggested", action=action, reason=reason)


def _side(at: Here, one: Break, side: str) -> None:
    """The items of one side; without any, the sum that is known, or that there is nothing."""
    items: Sequence[Any] = one.sides.get(side) or ()
    minor = {
        "lender": one.lender_minor, "bank": one.bank_minor, "recorded": one.recorded_minor,
        "report": one.reported_minor, "claim": one.claimed_minor,
    }[side]  # fmt: skip
    if minor is not None:
        st.markdown(f"{at.labels.money(minor, one.currency)}")
    elif not items:
        st.caption(at.t(f"breaks.nothing.{side}"))
    for item in items:
        if isinstance(item, Mapping):
            currency = str(item.get("currency") or one.currency)
            named = sorted(((name, value) for name, value in item.items() if value not in (None, "")), key=_place)
            record.facts({_field(at, name): _value(at, name, value, currency) for name, value in named})


def _place(named: tuple[str, Any]) -> tuple[int, str]:
    """Fields stand in the order of the feed, not of the alphabet."""
    name = named[0]
    return (_ORDER.index(name) if name in _ORDER else len(_ORDER), name)


def _field(at: Here, name: str) -> str:
    if name in _TOLD_FIELDS:
        return at.labels.code("told", name)
    known = at.labels.named(FIELD_NAMES, name)
    return known if known != name else at.labels.code("bank_line", name)


def _value(at: Here, name: str, value: Any, currency: str) -> str:
    labels = at.labels
    if isinstance(value, bool):
        return at.t("breaks.is_yes" if value else "breaks.is_no")
    if name.endswith("_minor"):
        return labels.money(int(value), currency)
    if name.endswith("_date"):
        return labels.day(str(value))
    if name.endswith("_at"):
        return labels.moment(str(value))
    if name == "kind":
        return labels.named(REPAYMENT_KIND_NAMES, str(value))
    return labels.code("direction", value) if name == "direction" else str(value)


def _decide(at: Here, found: BreakRecord) -> None:
    """The decision: which move, with which counterparts, why."""
    one, t, labels = found.item, at.t, at.labels
    suggested = str(one.suggestion.get("action", ""))
    # several are merged where they are chosen, in the list
    moves = [move.value for move in found.moves if move is not BreakMove.MERGE]
    # a suggestion that is no move (to ask somebody) leaves the item waiting: that is what parking is
    fallback = BreakMove.PARK.value if BreakMove.PARK in found.moves else moves[0]
    what = st.segmented_control(
        t("breaks.decision"),
        moves,
        default=suggested if suggested in moves else fallback,
        required=True,
        format_func=lambda code: labels.named(BREAK_MOVE_NAMES, code),
        key=f"move_{one.break_id}_{one.state}",
    )
    move = BreakMove(str(what))
    if move is BreakMove.REVERSE:
        _reverse(at, one)
        return
    candidates = _candidates(at, found) if move in (BreakMove.MATCH, BreakMove.SPLIT) else {}
    with form(at, f"break_{one.break_id}_{move}") as f:
        version = f.version(one.version)
        chosen, accept = _counterparts(at, f, candidates, move, one)
        reason = f.reason("reason", t("forms.reason"))
        f.submit(labels.named(BREAK_MOVE_NAMES, move).capitalize())
    f.run(
        lambda key: _act(at, one, version, move, {it: candidates[it].version for it in chosen}, accept, reason, key),
        done=lambda done: t("breaks.done", state=labels.named(BREAK_STATE_NAMES, done.state)),
    )


def _reverse(at: Here, one: Break) -> None:
    """Ask that a payment of the break be reversed; others approve it."""
    t = at.t
    st.caption(t("breaks.reverse_help"))
    with form(at, f"break_{one.break_id}_reverse") as f:
        version = f.version(one.version)
        payment = f.choice("payment_id", t("breaks.payment"), list(one.payment_ids), str,
                           index=0 if len(one.payment_ids) == 1 else None)  # fmt: skip
        reason = f.reason("reason", t("forms.reason"))
        f.submit(at.labels.named(BREAK_MOVE_NAMES, BreakMove.REVERSE).capitalize())
    f.require({"payment_id": payment})
    f.run(
        lambda key: request_reversal(
            at.actor, at.app.store, now=at.now, break_id=one.break_id, expected_version=version,
            payment_id=payment or "", reason=reason, key=key,
        ),
        done=t("breaks.reverse_asked"),
    )  # fmt: skip


def _candidates(at: Here, found: BreakRecord) -> dict[str, Break]:
    """The breaks that may be the other side: the suggested ones first, then what a search finds."""
    one = found.item
    offered = {it.break_id: it for it in found.related}
    text = st.text_input(
        at.t("breaks.find_counterpart"),
        placeholder=at.t("breaks.search"),
        key=f"find_{one.break_id}",
        type="search",
        max_chars=100,
    )
    page = desk.list_breaks(
        at.actor,
        at.app.store,
        now=at.now,
        wanted=BreakFilter(currency=one.currency, text=(text or "").strip() or None),
        sort="value_date",
        descending=True,
        page_size=_CANDIDATES,
    )
    # what lies on the same side with the same sign cannot be the other half of it
    opposite = [
        it for it in page.rows if it.difference_minor * one.difference_minor < 0 and leg_of(it.kind) is leg_of(one.kind)
    ]
    offered |= {it.break_id: it for it in opposite}
    offered.pop(one.break_id, None)
    return offered


def _counterparts(
    at: Here, f: Form, candidates: Mapping[str, Break], move: BreakMove, one: Break
) -> tuple[list[str], bool]:
    if move not in (BreakMove.MATCH, BreakMove.SPLIT):
        return [], False
    t = at.t
    suggested = [it for it in one.suggestion.get("break_ids", ()) if it in candidates]
    chosen = f.choices(
        "counterparts",
        t("breaks.counterparts"),
        list(candidates),
        lambda it: f"{name_of(at, candidates[it])} · {at.labels.day(candidates[it].value_date)}",
        default=suggested,
    )
    return chosen, f.tick("accept_difference", t("breaks.accept_difference"))


def _act(
    at: Here,
    one: Break,
    version: int,
    move: BreakMove,
    counterparts: Mapping[str, int],
    accept: bool,
    reason: str,
    key: str,
) -> desk.Decided:
    store, now = at.app.store, at.now
    common: dict[str, Any] = {
        "now": now,
        "break_id": one.break_id,
        "expected_version": version,
        "reason": reason,
        "key": key,
    }
    if move is BreakMove.MATCH:
        return desk.match_break(at.actor, store, counterparts=counterparts, accept_difference=accept, **common)
    if move is BreakMove.SPLIT:
        return desk.split_break(at.actor, store, counterparts=counterparts, accept_difference=accept, **common)
    simple = {BreakMove.REJECT: desk.reject_break, BreakMove.PARK: desk.park_break, BreakMove.REOPEN: desk.reopen_break}
    return simple[move](at.actor, store, **common)


def _history(at: Here, found: BreakRecord) -> None:
    record.history(
        at,
        [
            record.Happening(
                said.decided_at,
                said.decided_by_name or said.decided_by,
                at.labels.named(BREAK_MOVE_NAMES, said.decision),
                said.reason,
            )
            for said in found.history
        ],
    )
