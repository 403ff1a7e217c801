"""Announcements: from a draft to its publication and its end, on both stores."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError

from ops_app.domain.errors import Conflict, Invalid, Refused
from ops_app.domain.organisation.announcements import (
    MOVES,
    AnnouncementKind,
    AnnouncementMove,
    AnnouncementState,
    Audience,
    MoveNotAllowed,
)
from ops_app.domain.organisation.approvals import NotCarriedOut, OwnRequest
from ops_app.domain.organisation.people import AGENCY_ROLES, Actor, Role
from ops_app.services.organisation import announcement_publishing as publishing
from ops_app.services.organisation import announcement_reading as reading
from ops_app.services.organisation import announcements as service
from ops_app.services.organisation import approvals
from ops_app.services.organisation.announcements import Announcement, AnnouncementFilter
from ops_app.store.store import Store
from ops_app.store.tables.announcements import announcement_audiences, announcements
from ops_app.store.tables.organisation import audit_log
from tests.services.organisation.announcing import (
    actions,
    before,
    content,
    decide,
    draft,
    kept,
    publish,
    published,
    submit,
)
from tests.services.organisation.conftest import NOW, someone

ROLES = [role for role in Role if role is not Role.SYSTEM]


def test_drafted_by_one_published_by_another_read_by_a_third(
    store: Store, maker: Actor, checker: Actor, person
) -> None:
    one = published(store, maker, checker)
    assert one.kept_state is AnnouncementState.PUBLISHED
    assert (one.drafted_by_name, one.published_by_name) == ("maker", "checker")
    reader = person(Role.MANAGER)
    assert before(store, reader) == [one.announcement_id]
    reading.confirm_reading(reader, store, now=NOW, announcement_id=one.announcement_id)
    found = service.read_announcement(maker, store, now=NOW, announcement_id=one.announcement_id)
    assert [(receipt.person_id, receipt.receipt) for receipt in found.read] == [(reader.person_id, "read")]
    assert {receipt.person_id for receipt in found.outstanding} == {maker.person_id, checker.person_id}
    assert actions(store) == [f"announcement.{what}" for what in ("drafted", "published", "read")]


def in_state(store: Store, maker: Actor, checker: Actor, state: AnnouncementState) -> tuple[Announcement, object]:
    """An announcement in ``state`` and the moment at which it is."""
    one = draft(store, maker)
    if state is AnnouncementState.DRAFT:
        return one, NOW
    if state is AnnouncementState.WITHDRAWN:
        gone = service.withdraw_announcement(
            maker, store, now=NOW, announcement_id=one.announcement_id, version=1, reason="not needed"
        )
        return gone, NOW
    request_id = submit(store, maker, one)
    if state is AnnouncementState.SUBMITTED:
        return kept(store, maker, one), NOW
    decide(store, checker, request_id)
    return kept(store, maker, one), NOW + timedelta(days=8 if state is AnnouncementState.EXPIRED else 1)


@pytest.mark.parametrize(
    ("state", "what"),
    list(
        itertools.product(
            AnnouncementState,
            [AnnouncementMove.EDIT, AnnouncementMove.SUBMIT, AnnouncementMove.WITHDRAW],
        )
    ),
)
def test_each_act_in_each_state_does_what_the_table_says(
    store: Store, maker: Actor, checker: Actor, state: AnnouncementState, what: AnnouncementMove
) -> None:
    one, now = in_state(store, maker, checker, state)
    common = {"now": now, "announcement_id": one.announcement_id, "version": one.version}
    acts = {
        AnnouncementMove.EDIT: lambda: service.edit_announcement(maker, store, content=content(), **common),
        AnnouncementMove.SUBMIT: lambda: publishing.submit_announcement(
            maker, store, reason="please", key="s", **common
        ),
        AnnouncementMove.WITHDRAW: lambda: service.withdraw_announcement(maker, store, reason="wrong", **common),
    }
    wanted = MOVES[state].get(what)
    if wanted is None:
        with pytest.raises(MoveNotAllowed):
            acts[what]()
        assert kept(store, maker, one, now) == one
    else:
        acts[what]()
        assert kept(store, maker, one, now).state(now) is wanted


@pytest.mark.parametrize("who", ["drafter", "editor"])
def test_nobody_publishes_what_they_wrote_any_word_of(store: Store, maker: Actor, checker: Actor, who: str) -> None:
    one = draft(store, maker)
    edited = service.edit_announcement(
        checker, store, now=NOW, announcement_id=one.announcement_id, version=1, content=content(title_en="Closed")
    )
    request_id = submit(store, maker, edited)
    with pytest.raises(NotCarriedOut, match="Somebody else"):
        decide(store, checker, request_id)
    writer = maker if who == "drafter" else checker
    with pytest.raises(Refused, match="Somebody else"):
        publish(store, writer, edited)
    assert kept(store, maker, one).state(NOW) is AnnouncementState.SUBMITTED
    with pytest.raises(IntegrityError), store._writers.begin() as connection:
        connection.execute(
            update(announcements).values(state="published", published_by=writer.person_id, published_at=NOW)
        )


def test_a_maker_who_may_also_approve_is_refused_by_the_engine(store: Store, checker: Actor) -> None:
    with pytest.raises(OwnRequest):
        decide(store, checker, submit(store, checker, draft(store, checker)))


@pytest.mark.parametrize("what", ["reject", "return", "withdraw", "expire"])
def test_a_request_that_ends_without_approval_makes_it_a_draft_again(
    store: Store, maker: Actor, checker: Actor, what: str
) -> None:
    one = draft(store, maker)
    request_id = submit(store, maker, one)
    later = NOW
    if what == "withdraw":
        asked = approvals.read_request(maker, store, now=NOW, request_id=request_id).item
        approvals.withdraw(
            maker, store, now=NOW, request_id=request_id, expected_version=asked.version, reason="mistake", key="w"
        )
    elif what == "expire":
        later = NOW + timedelta(days=15)
    else:
        decide(store, checker, request_id, what)
    again = kept(store, maker, one, later)
    assert again.state(later) is AnnouncementState.DRAFT
    listed = service.list_announcements(
        maker, store, now=later, wanted=AnnouncementFilter(state=AnnouncementState.DRAFT)
    )
    assert [row.announcement_id for row in listed.rows] == [one.announcement_id]
    corrected = content(title_en="Corrected", valid_until_at=later + timedelta(days=9))
    edited = service.edit_announcement(
        maker, store, now=later, announcement_id=one.announcement_id, version=1, content=corrected
    )
    second = submit(store, maker, edited, later)
    assert (second == request_id) is (what == "return")
    decide(store, checker, second, now=later)
    assert kept(store, maker, one, later).content.title_en == "Corrected"
    assert kept(store, maker, one, later).state(later) is AnnouncementState.PUBLISHED


def test_a_returned_request_is_not_submitted_again_with_the_old_text(
    store: Store, maker: Actor, checker: Actor
) -> None:
    one = draft(store, maker)
    request_id = submit(store, maker, one)
    decide(store, checker, request_id, "return")
    service.edit_announcement(
        maker, store, now=NOW, announcement_id=one.announcement_id, version=1, content=content(title_en="New")
    )
    asked = approvals.read_request(maker, store, now=NOW, request_id=request_id).item
    with pytest.raises(publishing.NotTheDraft, match="maker changed last"):
        approvals.resubmit(
            maker, store, now=NOW, request_id=request_id, expected_version=asked.version, arguments=asked.arguments,
            reason="again", key="again",
        )  # fmt: skip


def test_what_is_published_is_the_text_that_was_submitted(store: Store, maker: Actor, checker: Actor) -> None:
    one = draft(store, maker)
    submit(store, maker, one)
    other = replace(one, content=content(body_en="Another text."))
    with pytest.raises(publishing.NotTheDraft):
        publish(store, checker, other)
    with pytest.raises(Conflict):
        submit(store, maker, replace(one, version=7))


def test_a_change_of_rules_carries_its_flag_and_cannot_be_asked_for_without(store: Store, maker: Actor) -> None:
    one = draft(store, maker, kind=AnnouncementKind.RULE_CHANGE)
    arguments = {"announcement_id": one.announcement_id, **one.content.facts()}
    with pytest.raises(publishing.NotTheDraft):
        approvals.request_approval(
            maker, store, now=NOW, kind=publishing.PUBLISH, object_type="announcement", object_id=one.announcement_id,
            arguments=arguments, reason="quietly", key="q",
        )  # fmt: skip
    request_id = submit(store, maker, one)
    asked = approvals.read_request(maker, store, now=NOW, request_id=request_id).item
    assert asked.flags == (publishing.MUST_ACKNOWLEDGE,)


def test_a_submission_repeated_with_its_key_is_one_request(store: Store, maker: Actor) -> None:
    one = draft(store, maker)
    first = submit(store, maker, one, key="once")
    with pytest.raises(MoveNotAllowed):
        submit(store, maker, one, key="twice")
    assert kept(store, maker, one).waiting_request_id == first
    listed = service.list_announcements(
        maker, store, now=NOW, wanted=AnnouncementFilter(state=AnnouncementState.SUBMITTED)
    )
    assert listed.total == 1


def test_nothing_is_published_that_is_over_already(store: Store, maker: Actor, checker: Actor) -> None:
    late = content().valid_until_at
    one = draft(store, maker)
    with pytest.raises(Invalid) as refused:
        submit(store, maker, one, late)
    assert refused.value.field == "valid_until_at"
    request_id = submit(store, maker, one)
    with pytest.raises(NotCarriedOut):
        decide(store, checker, request_id, now=late)


def test_a_stale_edit_names_who_was_first_and_changes_nothing(store: Store, maker: Actor, checker: Actor) -> None:
    one = draft(store, maker)
    common = {"now": NOW, "announcement_id": one.announcement_id, "version": 1}
    first = service.edit_announcement(checker, store, content=content(title_en="First"), **common)
    with pytest.raises(Conflict, match="checker changed"):
        service.edit_announcement(maker, store, content=content(title_en="Second"), **common)
    with pytest.raises(Conflict):
        service.withdraw_announcement(maker, store, reason="gone", **common)
    assert kept(store, maker, one) == first


def test_an_edit_may_change_the_audience_and_is_audited_whole(store: Store, maker: Actor) -> None:
    one = draft(store, maker)
    other = Audience(frozenset({Role.COLLECTOR}), frozenset({"agency-A01", "asset_company"}))
    edited = service.edit_announcement(
        maker, store, now=NOW, announcement_id=one.announcement_id, version=1, content=content(audience=other)
    )
    assert edited.content.audience == other
    with store.reading() as connection:
        row = connection.execute(select(audit_log).order_by(audit_log.c.seq.desc()).limit(1)).one()
    assert '"manager"' in row.before_json
    assert '"collector"' in row.after_json
    assert "The office is closed." in row.after_json


def test_a_draft_entered_twice_with_one_key_is_one(store: Store, maker: Actor) -> None:
    assert draft(store, maker).announcement_id == draft(store, maker).announcement_id
    with pytest.raises(Conflict):
        draft(store, maker, title_en="Another text")
    assert service.list_announcements(maker, store, now=NOW).total == 1
    assert draft(store, maker, key="other").announcement_id != draft(store, maker).announcement_id


@pytest.mark.parametrize("role", ROLES)
def test_only_those_who_may_make_announcements(role: Role) -> None:
    if role in {Role.ADMINISTRATOR, Role.COMPLIANCE, Role.MANAGER, Role.SUPERVISOR}:
        return
    for act in (
        service.draft_announcement,
        service.edit_announcement,
        publishing.submit_announcement,
        service.withdraw_announcement,
        service.list_announcements,
        service.read_announcement,
        service.list_agency_codes,
    ):
        with pytest.raises(Refused, match="compliance"):
            act(someone(role, "A01" if role in AGENCY_ROLES else None), None, now=NOW)


def test_a_list_is_filtered_sorted_and_paged(store: Store, maker: Actor) -> None:
    for number in range(5):
        draft(store, maker, f"k{number}", title_en=f"Number {number}", valid_from_at=NOW - timedelta(days=number))
    draft(store, maker, "rule", title_en="100% new", kind=AnnouncementKind.RULE_CHANGE)

    def titles(**more: object) -> list[str]:
        found = service.list_announcements(maker, store, now=NOW, **more)
        return [row.content.title_en for row in found.rows]

    assert titles(sort="valid_from_at", descending=False, page_size=2) == ["Number 4", "Number 3"]
    assert titles(sort="valid_from_at", descending=False, page_size=2, page=2) == ["Number 2", "Number 1"]
    assert titles(wanted=AnnouncementFilter(text="%")) == ["100% new"]
    assert titles(wanted=AnnouncementFilter(kind=AnnouncementKind.RULE_CHANGE)) == ["100% new"]
    assert titles(wanted=AnnouncementFilter(state=AnnouncementState.PUBLISHED)) == []
    assert len(titles(wanted=AnnouncementFilter(text="放假"))) == 6
    for wrong in ({"sort": "body_en"}, {"page": 0}, {"page_size": 501}):
        with pytest.raises(Invalid):
            titles(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        "state = 'expired'",
        "kind = 'news'",
        "valid_until_at = valid_from_at",
        "title_en = ''",
        "title_en = '', body_en = '', title_zh = '', body_zh = ''",
        "state = 'published'",
        "state = 'withdrawn'",
        "published_by = drafted_by, published_at = valid_from_at",
        "version = 0",
    ],
)
def test_the_store_itself_refuses_what_must_not_be(store: Store, maker: Actor, wrong: str) -> None:
    draft(store, maker)
    with pytest.raises(IntegrityError), store._writers.begin() as connection:
        connection.execute(text(f"update announcements set {wrong}"))


def test_agencies_with_people_may_be_named(store: Store, maker: Actor, person) -> None:
    person(Role.COLLECTOR, "B07")
    person(Role.AGENCY_SUPERVISOR, "A01")
    assert service.list_agency_codes(maker, store, now=NOW) == ["A01", "B07"]
    with store.reading() as connection:
        assert connection.execute(select(announcement_audiences)).all() == []
