"""The person of a case: masked, each field shown in full for a minute after a reason; their calls and promises."""

from __future__ import annotations

from datetime import datetime, timedelta

import streamlit as st

from ops_app.consoles.kit import names, tables
from ops_app.consoles.kit.context import Here
from ops_app.consoles.kit.forms import form
from ops_app.consoles.kit.record import facts
from ops_app.domain.casework.personal import PERSONAL_FIELD_NAMES, PersonalField
from ops_app.gateways.case_facts import MOST_ROWS, Call, Promise, calls_of, promises_of
from ops_app.services.casework.cases import Case, CaseRecord
from ops_app.services.casework.unmasking import unmask
from ops_app.services.casework.viewing import case_person

SHOWN_FOR = timedelta(seconds=60)
_SHOWN = "_recoup_unmasked"


def contacts(at: Here, record: CaseRecord) -> None:
    """What is known of the debtor, by its masks."""
    one = record.case
    person = case_person(at.actor, at.app.store, now=at.now, case_id=one.case_id, evidence=at.app.settings.evidence)
    named = {_name(at, field): value or "" for field, value in person.values.items()}
    facts(
        {
            **named,
            at.t("cases.customer"): one.customer_id,
            at.t("cases.language"): at.labels.language(person.language),
            at.t("cases.timezone"): person.timezone or "",
        }
    )
    may_unmask = at.may("cases.unmask")
    st.caption(at.t("cases.masked") if may_unmask else names.who_may(at, "cases.unmask"))


def _name(at: Here, field: str) -> str:
    name = at.labels.named(PERSONAL_FIELD_NAMES, field)
    return name[:1].upper() + name[1:]


def unmasking(at: Here, one: Case) -> None:
    """Ask for one field in full, with a reason; it is masked again after a minute, or when the case is left."""
    shown = st.session_state.get(_SHOWN)
    if shown and (shown["case_id"] != one.case_id or at.now >= shown["until"]):
        st.session_state.pop(_SHOWN, None)
    if not at.may("cases.unmask"):
        return
    with st.popover(at.t("cases.unmask")):
        with form(at, f"unmask_{one.case_id}") as f:
            codes = [field.value for field in PersonalField if at.may(f"fields.{field.value}")]
            field = f.choice(
                "field", at.t("cases.field"), codes, lambda code: at.labels.named(PERSONAL_FIELD_NAMES, code)
            )
            reason = f.reason("reason", at.t("forms.reason"))
            f.submit(at.t("cases.unmask"))
        f.run(
            lambda _key: _keep(
                at,
                one.case_id,
                field or codes[0],
                unmask(
                    at.actor, at.app.store, now=at.now, case_id=one.case_id, field=PersonalField(field or codes[0]),
                    reason=reason, evidence=at.app.settings.evidence,
                ),
            ),
            done=at.t("cases.unmasked", seconds=int(SHOWN_FOR.total_seconds())),
        )  # fmt: skip
    if _SHOWN in st.session_state:
        _in_full(at)


def _keep(at: Here, case_id: str, field: str, value: str) -> None:
    st.session_state[_SHOWN] = {"case_id": case_id, "field": field, "value": value, "until": at.now + SHOWN_FOR}


@st.fragment(run_every=5)
def _in_full(at: Here) -> None:
    """The field in full, looked at again every few seconds until its time is over."""
    shown = st.session_state.get(_SHOWN)
    if shown is None:
        return
    now: datetime = at.app.clock.now()
    if now >= shown["until"]:
        st.session_state.pop(_SHOWN, None)
        st.caption(at.t("cases.masked_again"))
        return
    left = int((shown["until"] - now).total_seconds()) + 1
    facts({_name(at, shown["field"]): shown["value"]})
    st.caption(at.t("cases.masked_in", seconds=left))


def calls(at: Here, record: CaseRecord) -> None:
    """Calls and promises as they were last published; an agency's from its placement on."""
    t, labels, case_id = at.t, at.labels, record.case.case_id
    since = record.placements[-1].placed_at if at.actor.agency_code and record.placements else None
    published = at.app.settings.published
    made = calls_of(at.actor, published, case_id, since)
    promised = promises_of(at.actor, at.app.store, published, now=at.now, case_id=case_id, since=since)
    if not made and not promised:
        st.caption(t("cases.no_calls"))
        return
    if promised:
        columns = (
            tables.Column[Promise]("promised", t("cases.promised_at"), lambda it: labels.moment(it.promised_at)),
            tables.Column[Promise]("due", t("cases.promise_due"), lambda it: labels.day(it.due_date)),
            tables.Column[Promise]("amount", t("cases.amount"), lambda it: labels.money(it.amount_minor, it.currency),
                                   right=True),
            tables.Column[Promise]("paid", t("cases.promise_paid"), lambda it: labels.money(it.paid_minor, it.currency),
                                   right=True),
            tables.Column[Promise]("state", t("cases.state"), lambda it: labels.code("promise_state", it.state)),
        )  # fmt: skip
        st.subheader(t("cases.promises"), anchor=False)
        tables.show_rows(columns, promised, title=t("cases.promises"))
        st.caption(t("cases.promises_now", at=labels.moment(at.now)))
    if made:
        shown = (
            tables.Column[Call]("at", t("cases.call_at"), lambda it: labels.moment(it.started_at)),
            tables.Column[Call]("channel", t("cases.channel"), lambda it: labels.code("call_channel", it.channel)),
            tables.Column[Call]("direction", t("cases.direction"),
                                lambda it: labels.code("call_direction", it.direction)),
            tables.Column[Call]("outcome", t("cases.outcome"), lambda it: labels.code("call_outcome", it.outcome)),
            tables.Column[Call]("talk", t("cases.talk"),
                                lambda it: labels.duration(timedelta(seconds=it.talk_seconds))),
            tables.Column[Call]("who", t("cases.collector"), lambda it: it.collector_name or it.collector_id or "–"),
        )  # fmt: skip
        st.subheader(t("cases.tabs.calls"), anchor=False)
        tables.show_rows(shown, made, title=t("cases.tabs.calls"))
    if max(len(made), len(promised)) >= MOST_ROWS:
        st.caption(t("cases.newest_only", count=labels.count(MOST_ROWS)))
