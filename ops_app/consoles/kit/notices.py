"""A person's notices: what became of what they asked for, unread first, marked as read here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import streamlit as st

from ops_app.consoles.kit import todos
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import attempt
from ops_app.consoles.kit.subjects import batch_address, case_address
from ops_app.domain.casework.requests import CASE, kind_of
from ops_app.services.casework.batches import OBJECT as BATCH
from ops_app.services.casework.batches import batch_numbers
from ops_app.services.casework.cases import cases_of_ids
from ops_app.services.organisation.notices import Notice, list_my_notices, mark_notices_read

_READ_SHOWN = 50


def show(at: Here) -> None:
    """What the person was told: unread, and below it what they have read."""
    t = at.t
    page = list_my_notices(at.actor, at.app.store, now=at.now, page_size=200)
    unread = [one for one in page.rows if one.read_at is None]
    read = [one for one in page.rows if one.read_at is not None][:_READ_SHOWN]
    st.subheader(t("notices.title", count=at.labels.count(page.unread)), anchor=False)
    if not page.rows:
        st.caption(t("notices.none"))
        return
    if not unread:
        st.caption(t("notices.all_read"))
    elif st.button(t("notices.mark_all"), key="notices_all"):
        attempt(at, lambda: mark_notices_read(at.actor, at.app.store, now=at.now), done=t("notices.marked"))
    objects = _objects(at, [*unread[:_READ_SHOWN], *read])
    for one in unread[:_READ_SHOWN]:
        with st.container(border=True):
            st.html(_sentence(at, one, objects))
            if st.button(t("notices.mark"), key=f"notice_{one.notice_id}"):
                attempt(
                    at,
                    lambda one=one: mark_notices_read(  # type: ignore[misc]
                        at.actor, at.app.store, now=at.now, ids=[one.notice_id]
                    ),
                    done=t("notices.marked"),
                )
    if read:
        with st.expander(t("notices.read_before", count=at.labels.count(len(read)))):
            for one in read:
                st.html(_sentence(at, one, objects))


def _objects(at: Here, told: Sequence[Notice]) -> dict[str, tuple[str, str]]:
    """Object → what it is called and where it is looked at, of the batches and cases within the reader's reach."""
    found: dict[str, tuple[str, str]] = {}
    batches = [one.object_id for one in told if one.object_type == BATCH]
    if batches and at.may("cases.company"):
        for batch_id, number in batch_numbers(at.actor, at.app.store, now=at.now, batch_ids=batches).items():
            found[batch_id] = (at.t("notices.batch", number=number), batch_address(batch_id))
    case_ids = [one.object_id for one in told if one.object_type == CASE]
    if case_ids and at.may("cases.view"):
        for case in cases_of_ids(at.actor, at.app.store, now=at.now, ids=case_ids):
            found[case.case_id] = (at.t("subjects.loan", loan=case.loan_id), case_address(at, case.case_id))
    return found


def _sentence(at: Here, one: Notice, objects: Mapping[str, tuple[str, str]]) -> str:
    """What happened, by whom and why, with a link to it. Whatever somebody typed is text, never markup."""
    what = at.t(f"notices.event.{one.event}", what=todos.topic_of(at, one.kind) if one.request_id else "")
    text = at.t("notices.line", what=what, who=one.by_name, moment=at.labels.moment(one.created_at))
    reason = f"<br>{escape(at.t('notices.reason', reason=one.reason))}" if one.reason else ""
    if not one.request_id:  # about a person, not about what became of a request
        return f"{escape(text)}{reason}"
    link = f'<a href="{escape(_address(one))}" target="_self">{escape(at.t("notices.open"))}</a>'
    if one.object_id in objects:
        name, address = objects[one.object_id]
        link = f'<a href="{escape(address)}" target="_self">{escape(name)}</a> · {link}'
    return f"{escape(text)}{reason}<br>{link}"


def _address(one: Notice) -> str:
    if kind_of(one.kind) is not None:
        return f"/requests?requests_id={one.request_id}"
    return f"/approvals?approvals_tab=mine&approvals_mine_id={one.request_id}"
