"""One request: what is asked for in readable words, its risk flags, what was decided, and the form that decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from ops_app.consoles.asset_company.parts.approval_list import flag_names, kind_name, name_of, subject
from ops_app.consoles.casework import batch_list
from ops_app.consoles.casework.request_rules import DEFAULT_CURRENCY
from ops_app.consoles.kit import names as named
from ops_app.consoles.kit import record, tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.export import MAX_ROWS
from ops_app.consoles.kit.forms import form
from ops_app.consoles.kit.subjects import IDENTIFIERS
from ops_app.domain.casework.placing import batch_number
from ops_app.domain.hidden import Hidden
from ops_app.domain.organisation.approvals import (
    OPEN,
    REQUEST_MOVE_NAMES,
    REQUEST_STATE_NAMES,
    RequestMove,
    RequestState,
)
from ops_app.services.casework.batches import OBJECT as BATCH
from ops_app.services.organisation import approvals as engine
from ops_app.services.organisation.approvals import ApprovalRequest, RequestDecision, RequestRecord, Round


def show(at: Here, request_id: str) -> None:
    """The record of a request and the form that decides on it."""
    found = engine.read_request(at.actor, at.app.store, now=at.now, request_id=request_id)
    facts(at, found.item)
    if found.item.state is RequestState.WAITING:
        if found.refusal is None:
            decide(at, found)
        else:
            st.info(found.refusal.sentence(at.actor.language))
    history(at, found)


def facts(at: Here, one: ApprovalRequest) -> None:
    """What is asked for, by whom, why, and who decides."""
    t, labels = at.t, at.labels
    st.subheader(name_of(at, one), anchor=False)
    for flag in flag_names(at, one):
        st.warning(t("approvals.risk", flag=flag))
    left, right = st.columns(2)
    with left:
        record.facts(
            {
                t("approvals.kind"): kind_name(at, one.kind),
                t("approvals.object"): subject(at, one),
                t("cases.batch_number"): batch_number(one.object_id, one.made_at) if one.object_type == BATCH else "",
                t("approvals.amount"): labels.money(one.amount_minor, one.currency or ""),
                t("forms.reason"): one.reason,
                t("approvals.maker"): one.maker_name,
                t("approvals.made"): labels.moment(one.made_at),
                t("approvals.expires"): labels.moment(one.expires_at) if one.state in OPEN else "",
                t("approvals.state"): labels.named(REQUEST_STATE_NAMES, one.state),
                t("approvals.levels"): labels.listing(
                    [f"{number}. {labels.role(role)}" for number, role in enumerate(one.levels, start=1)]
                ),
            }
        )
    with right, st.container(border=True):
        st.markdown(f"**{t('approvals.arguments')}**")
        said = arguments(at, one)
        record.facts({name: value for key, name, value in said if key not in IDENTIFIERS})
        marks = {name: value for key, name, value in said if key in IDENTIFIERS}
        if marks:
            with st.expander(t("approvals.identifiers")):
                record.facts(marks)
        if one.object_type == BATCH:
            batch_list.link(at, one.object_id)


def arguments(at: Here, one: ApprovalRequest) -> list[tuple[str, str, str]]:
    """The arguments of the command (key, name, value), amounts and dates as a person reads them."""
    return _said(at, one.kind, one.arguments, one.currency)


def _said(at: Here, kind: str, asked: Mapping[str, Any], its: str | None) -> list[tuple[str, str, str]]:
    known = engine.kinds().get(kind)
    names = known.labels if known else {}
    currency = str(asked.get("currency") or its or "")
    return [
        (name, at.labels.named(names, name), _value(at, name, value, currency, names)) for name, value in asked.items()
    ]


def versions(at: Here, kind: str, rounds: Sequence[Round]) -> None:
    """What was asked for before and what is asked for now, line by line where they differ."""
    if len(rounds) < 2:
        return
    t, labels = at.t, at.labels
    columns: list[tables.Column[tuple[str, list[str]]]] = [
        tables.Column("what", t("approvals.version_field"), lambda row: row[0])
    ]
    lines: dict[str, tuple[str, list[str]]] = {}
    for place, one in enumerate(rounds):
        said = [
            *_said(at, kind, one.arguments, one.currency),
            ("_amount", t("approvals.amount"), labels.money(one.amount_minor, one.currency or "")),
            ("_levels", t("approvals.levels"), labels.listing([labels.role(role) for role in one.levels])),
            ("_reason", t("forms.reason"), one.reason),
        ]
        for key, name, value in said:
            lines.setdefault(key, (name, ["–"] * len(rounds)))[1][place] = value
        columns.append(
            tables.Column(
                f"v{one.round_no}",
                t("approvals.version", number=labels.count(one.round_no), moment=labels.moment(one.entered_at)),
                lambda row, place=place: row[1][place],  # type: ignore[misc]
            )
        )
    rows = [line for key, line in lines.items() if len(set(line[1])) > 1 and key not in IDENTIFIERS]
    st.subheader(t("approvals.versions"), anchor=False)
    tables.show_rows(columns, rows, title=t("approvals.versions"))


def _value(at: Here, name: str, value: Any, currency: str, names: Mapping[str, tuple[str, str]]) -> str:
    labels = at.labels
    if isinstance(value, Hidden):
        return labels.hidden
    if isinstance(value, str) and f"{name}.{value}" in names:
        return labels.named(names, f"{name}.{value}")
    if isinstance(value, bool):
        return at.t("labels.yes") if value else at.t("labels.no")
    if isinstance(value, Mapping):
        parts = (f"{labels.named(names, key)}: {_value(at, key, it, currency, names)}" for key, it in value.items())
        return labels.listing(list(parts))
    if name == "regions" and isinstance(value, list | tuple):
        return named.regions(at, [str(it) for it in value])
    if isinstance(value, list | tuple):
        return "; ".join(_value(at, name, it, currency, names) for it in value) or "–"
    if value is None or value == "":
        return "–"
    if name in ("above", "above_minor") and isinstance(value, int) and len(currency) != 3:
        return at.t("requests.above_any", amount=labels.minor(value, DEFAULT_CURRENCY))
    if (name.endswith("_minor") or name == "above") and currency and isinstance(value, int):
        return labels.money(value, currency)
    if name == "rows" and isinstance(value, int):
        return at.t("subjects.up_to", count=labels.count(value)) if value >= MAX_ROWS else labels.count(value)
    if name == "product_code":
        return named.product(at, str(value))
    if name.endswith("_date"):
        return labels.day(str(value))
    if name.endswith("_at"):
        return labels.moment(str(value))
    if name == "role" or name.endswith("_role"):
        return labels.role(str(value))
    return kind_name(at, str(value)) if name == "kind" else str(value)


def decide(at: Here, found: RequestRecord) -> None:
    """The decision: approve, reject or return, with a reason."""
    one, t, labels = found.item, at.t, at.labels
    what = st.segmented_control(
        t("approvals.decision"),
        [move.value for move in engine.DECISIONS],
        default=RequestMove.APPROVE.value,
        required=True,
        format_func=lambda code: move_name(at, RequestMove(code), one),
        key=f"decision_{one.request_id}_{one.level_no}",
    )
    move = RequestMove(str(what))
    if found.on_behalf_of:
        st.caption(t("approvals.on_behalf"))
    with form(at, f"approval_{one.request_id}_{move}") as f:
        version, content = f.version(one.version), f.version(one.content_hash, "content")
        optional = move is RequestMove.APPROVE and not one.flags
        reason = f.reason("reason", t("approvals.reason_optional") if optional else t("forms.reason"))
        f.submit(move_name(at, move, one).capitalize())
    acts = {
        RequestMove.APPROVE: engine.approve,
        RequestMove.REJECT: engine.reject,
        RequestMove.RETURN: engine.return_request,
    }
    f.run(
        lambda key: acts[move](
            at.actor,
            at.app.store,
            now=at.now,
            request_id=one.request_id,
            expected_version=version,
            content_hash=content,
            reason=reason,
            key=key,
        ),
        done=lambda done: t("approvals.done", state=labels.named(REQUEST_STATE_NAMES, done.state)),
    )


def move_name(at: Here, move: RequestMove, one: ApprovalRequest) -> str:
    """What a decision does: the last approval carries the request out."""
    last = move is RequestMove.APPROVE and one.is_last_level
    return at.labels.named(REQUEST_MOVE_NAMES, RequestMove.APPROVE_LAST if last else move)


def history(at: Here, found: RequestRecord) -> None:
    """Who did what, in whose name, and why; what was asked for before, where it was changed."""
    versions(at, found.item.kind, found.rounds)

    def who(said: RequestDecision) -> str:
        if not said.is_delegated:
            return said.decided_by_name
        return at.t("approvals.for_whom", who=said.decided_by_name, whom=said.principal_name)

    happened = [record.Happening(found.item.made_at, found.item.maker_name, at.t("approvals.asked"))]
    for said in found.history:
        what = at.labels.named(REQUEST_MOVE_NAMES, said.decision)
        happened.append(record.Happening(said.decided_at, who(said), what, said.reason))
    record.history(at, happened)
