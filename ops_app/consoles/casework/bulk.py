"""What is done with several cases: by a request that a second person decides, or at once.

What cannot be done stands in a table with its reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from ops_app.consoles.casework import batch_form, choosing, lists
from ops_app.consoles.kit import names, refusals
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import Form, form
from ops_app.consoles.kit.sitting import Said
from ops_app.consoles.kit.subjects import case_address
from ops_app.domain.casework.placing import RECALL_GROUND_NAMES, BatchKind, RecallGround
from ops_app.services.casework.assigning import (
    Collector,
    assign_cases,
    list_collectors,
    list_holders,
    move_all_cases,
)
from ops_app.services.casework.cases import Case
from ops_app.services.casework.following import note_touches
from ops_app.services.casework.many import Moved
from ops_app.services.casework.placing import queue_cases
from ops_app.services.casework.recalling import recall_cases

NEEDED = {
    "queue": "cases.place", "place": "cases.place", "extend": "cases.place", "recall": "cases.place",
    "transfer": "cases.place", "withdraw_recall": "cases.withdraw_recall", "recall_now": "cases.recall_now",
    "assign": "cases.assign", "touch": "cases.touch",
}  # fmt: skip
"""Act → the permission it needs; those that are kinds of batches are asked for."""


_LINKED = 5
"""To so many of the cases that were changed the notice links."""


def show(at: Here, selected: Sequence[Case], acts: Sequence[str]) -> None:
    """The acts that this person may do with the cases of the list."""
    offered = [act for act in acts if at.may(NEEDED[act])]
    others = [act for act in acts if act not in offered]
    if others:  # what is missing here says by whom it is done
        each = [
            at.t("who.may_each", what=at.t(f"cases.acts.{act}"), roles=names.holders(at, NEEDED[act])) for act in others
        ]
        st.caption(at.t("who.others", list="；".join(each) if at.actor.language == "zh" else "; ".join(each)))
    if not offered:
        return
    place = st.container()  # what the last act refused stands above, also on the run in which it was refused
    _offer(at, selected, offered)
    with place:
        refusals.show(at, batch_form.REFUSED, what=at.t("cases.loan"))


def _offer(at: Here, selected: Sequence[Case], offered: Sequence[str]) -> None:
    t = at.t
    chosen = choosing.cases_for(at, selected, offered[0])
    if not chosen:
        return
    st.subheader(t("cases.selected", count=at.labels.count(len(chosen))), anchor=False)
    act = offered[0]
    if len(offered) > 1:
        act = st.segmented_control(
            t("cases.act"), offered, default=act, required=True, format_func=lambda code: t(f"cases.acts.{code}"),
            key="cases_bulk_act",
        ) or act  # fmt: skip
    if act in BatchKind._value2member_map_:
        batch_form.show(at, BatchKind(act), chosen)
    else:
        _AT_ONCE[act](at, chosen)


def show_handover(at: Here) -> None:
    """Everything of one collector goes to another: before somebody leaves, or a team closes."""
    if not at.may("cases.assign"):
        return
    t = at.t
    holders = {one.person_id: one for one in list_holders(at.actor, at.app.store, now=at.now)}
    if not holders:
        return
    people = {one.person_id: one for one in list_collectors(at.actor, at.app.store, now=at.now)}
    with st.expander(t("cases.handover")):
        with form(at, "handover") as f:
            one, two = st.columns(2)
            with one:
                before = f.choice("from_id", t("cases.from_whom"), list(holders), _named(at, holders), index=None)
            with two:
                after = f.choice("to_id", t("cases.to_whom"), list(people), _named(at, people), index=None)
            reason = f.reason("reason", t("forms.reason"))
            f.submit(t("cases.handover_do"))
        f.require({"from_id": before, "to_id": after})
        f.run(
            lambda _key: move_all_cases(
                at.actor, at.app.store, now=at.now, today=at.today, from_id=str(before), to_id=str(after), reason=reason
            ),
            done=lambda ids: t("cases.moved", count=at.labels.count(len(ids))),
        )


def _queue(at: Here, chosen: Sequence[Case]) -> None:
    with form(at, f"queue_{batch_form.mark(chosen)}") as f:
        wanted = f.version(_wanted(chosen))
        reason = f.reason("reason", at.t("forms.reason"))
        f.submit(at.t("cases.acts.queue"))
    _run(
        at, f, chosen,
        lambda: queue_cases(at.actor, at.app.store, now=at.now, wanted=wanted, reason=reason, leave_out=True),
    )  # fmt: skip


def _recall_now(at: Here, chosen: Sequence[Case]) -> None:
    st.caption(at.t("cases.recall_at_once"))
    grounds = [one.value for one in RecallGround]
    with form(at, f"recall_now_{batch_form.mark(chosen)}") as f:
        wanted = f.version(_wanted(chosen))
        ground = f.choice(
            "ground", at.t("cases.ground"), grounds, lambda code: at.labels.named(RECALL_GROUND_NAMES, code), index=None
        )
        reason = f.reason("reason", at.t("forms.reason"))
        f.submit(at.t("cases.acts.recall_now"))
    f.require({"ground": ground})
    _run(
        at, f, chosen,
        lambda: recall_cases(
            at.actor, at.app.store, now=at.now, today=at.today, wanted=wanted, reason=reason,
            ground=RecallGround(str(ground)), leave_out=True,
        ),
    )  # fmt: skip


def _touch(at: Here, chosen: Sequence[Case]) -> None:
    with form(at, f"touch_{batch_form.mark(chosen)}") as f:
        wanted = f.version(_wanted(chosen))
        reason = f.reason("reason", at.t("cases.how_it_went"))
        f.submit(at.t("cases.acts.touch"))
    _run(
        at, f, chosen,
        lambda: note_touches(at.actor, at.app.store, now=at.now, wanted=wanted, reason=reason, leave_out=True),
    )  # fmt: skip


def _assign(at: Here, chosen: Sequence[Case]) -> None:
    t = at.t
    people = {one.person_id: one for one in list_collectors(at.actor, at.app.store, now=at.now)}
    if not people:
        st.info(t("cases.no_collectors"))
        return
    with form(at, f"assign_{batch_form.mark(chosen)}") as f:
        wanted = f.version(_wanted(chosen))
        collector = f.choice("collector_id", t("cases.collector"), list(people), _named(at, people), index=None)
        reason = f.reason("reason", t("forms.reason"))
        f.submit(t("cases.acts.assign"))
    f.require({"collector_id": collector})
    _run(
        at, f, chosen,
        lambda: assign_cases(
            at.actor, at.app.store, now=at.now, today=at.today, wanted=wanted, collector_id=str(collector),
            reason=reason, leave_out=True,
        ),
    )  # fmt: skip


_AT_ONCE = {
    "queue": _queue, "recall_now": _recall_now, "assign": _assign, "touch": _touch,
}  # fmt: skip


def _named(at: Here, people: dict[str, Collector]) -> Callable[[str], str]:
    def shown(person_id: str) -> str:
        one = people[person_id]
        return at.t("cases.collector_load", name=one.display_name, load=at.labels.count(one.load))

    return shown


def _wanted(chosen: Sequence[Case]) -> dict[str, int]:
    return {one.case_id: one.version for one in chosen}


def _run(at: Here, f: Form, chosen: Sequence[Case], command: Callable[[], Moved]) -> None:
    """Do what can be done, and keep the others with their reasons for the table above the list."""
    by_id = {one.case_id: one for one in chosen}
    called = batch_form.called(chosen)

    def said(done: Moved) -> Said:
        choosing.begin_again()
        refusals.keep(batch_form.REFUSED, refusals.rows_of(done.dropped, called))
        links = [(lists.name_of(at, by_id[one]), case_address(at, one)) for one in done.case_ids if one in by_id]
        return Said(at.t("cases.moved", count=at.labels.count(len(done.case_ids))), tuple(links[:_LINKED]))

    f.run(lambda _key: command(), done=said, refused=lambda refused: batch_form.keep_refused(at, refused, chosen))
