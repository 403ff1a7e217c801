"""Announcements: from a draft to its readers, on both stores."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DatabaseError, IntegrityError

from ops_app.domain.errors import Conflict, Invalid, NotFound, Refused
from ops_app.domain.organisation.announcements import (
    MOVES,
    AnnouncementKind,
    AnnouncementMove,
    AnnouncementState,
    Audience,
    Content,
    MoveNotAllowed,
)
from ops_app.domain.organisation.approvals import NotCarriedOut, OwnRequest
from ops_app.domain.organisation.people import AGENCY_ROLES, SYSTEM, Actor, Role
from ops_app.services.organisation import announcement_publishing as publishing
from ops_app.services.organisation import announcement_reading as reading
from ops_app.services.organisation import announcements as service
from ops_app.services.organisation import approvals
from ops_app.services.organisation.announcements import Announcement, AnnouncementFilter
from ops_app.services.organisation.people import enter_person, new_person
from ops_app.store.store import Store
from ops_app.store.tables.announcements import announcement_audiences, announcement_reads, announcements
from ops_app.store.tables.organisation import audit_log
from tests.services.organisation.conftest import NOW, someone

EVERYBODY = Audience(frozenset({Role.SUPERVISOR, Role.MANAGER, Role.COMPLIANCE}), frozenset({"asset_company"}))
ROLES = [role for role in Role if role is not Role.SYSTEM]


def content(**changes: object) -> Content:
    made = Content(
        AnnouncementKind.NOTICE,
        "Closed on Monday",
        "The office is closed.",
        "周一放假",
        "办公室周一放假。",
        EVERYBODY,
        NOW,
        NOW + timedelta(days=7),
    )
    return replace(made, **changes)


@pytest.fixture
def person(store: Store) -> Callable[..., Actor]:
    """A person in the store: ``person(Role.COLLECTOR, "A01", name="li")``."""

    def make(role: Role, agency: str | None = None, *, name: str = "") -> Actor:
        agency = agency or ("A01" if role in AGENCY_ROLES else None)
        sign_in_name = name or f"{role.value.replace('_', '-')}-{(agency or 'own').lower()}"
        made = new_person(NOW, sign_in_name, sign_in_name, role, agency, "en")
        with store.writing(SYSTEM, NOW) as transaction:
            enter_person(transaction, made, "no-password-opens-this")
        return Actor(made.person_id, made.display_name, role, agency)

    return make


@pytest.fixture
def maker(person: Callable[..., Actor]) -> Actor:
    return person(Role.SUPERVISOR, name="maker")


@pytest.fixture
def checker(person: Callable[..., Actor]) -> Actor:
    return person(Role.MANAGER, name="checker")


def draft(store: Store, maker: Actor, key: str = "k", **changes: object) -> Announcement:
    return service.draft_announcement(maker, store, now=NOW, content=content(**changes), key=key)


def submit(store: Store, maker: Actor, one: Announcement, now=NOW, key: str = "") -> str:
    return publishing.submit_announcement(
        maker,
        store,
        now=now,
        announcement_id=one.announcement_id,
        version=one.version,
        reason="people must know",
        key=key or uuid4().hex,
    )


def decide(store: Store, checker: Actor, request_id: str, what: str = "approve", now=NOW) -> None:
    asked = approvals.read_request(checker, store, now=now, request_id=request_id).item
    act = {"approve": approvals.approve, "reject": approvals.reject, "return": approvals.return_request}[what]
    act(
        checker, store, now=now, request_id=request_id, expected_version=asked.version, content_hash=asked.content_hash,
        reason="looked at", key=uuid4().hex,
    )  # fmt: skip


def publish(store: Store, checker: Actor, one: Announcement, now=NOW) -> None:
    """Run the command itself, as the last approval would."""
    with store.writing(checker, now) as transaction:
        publishing.run_publish(transaction, {"announcement_id": one.announcement_id, **one.content.facts()})


def published(store: Store, maker: Actor, checker: Actor, key: str = "k", **changes: object) -> Announcement:
    one = draft(store, maker, key, **changes)
    decide(store, checker, submit(store, maker, one))
    return kept(store, checker, one)


def kept(store: Store, manager: Actor, one: Announcement, now=NOW) -> Announcement:
    return service.read_announcement(manager, store, now=now, announcement_id=one.announcement_id).item


def before(store: Store, actor: Actor, now=NOW) -> list[str]:
    return [one.announcement_id for one in reading.list_my_announcements(actor, store, now=now)]


def actions(store: Store) -> list[str]:
    with store.reading() as connection:
        rows = connection.execute(select(audit_log.c.action).order_by(audit_log.c.seq)).scalars()
        return [action for action in rows if action.startswith("announcement.")]


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


def test_withdrawn_and_expired_ones_leave_the_audience_and_stay_in_history(
    store: Store, maker: Actor, checker: Actor, person
) -> None:
    reader = person(Role.MANAGER)
    withdrawn, expired = published(store, maker, checker, "a"), published(store, maker, checker, "b")
    for one in (withdrawn, expired):
        reading.confirm_reading(reader, store, now=NOW, announcement_id=one.announcement_id)
    service.withdraw_announcement(
        maker, store, now=NOW, announcement_id=withdrawn.announcement_id, version=withdrawn.version, reason="wrong day"
    )
    assert before(store, reader) == [expired.announcement_id]
    later = NOW + timedelta(days=7)
    assert before(store, reader, later - timedelta(seconds=1)) == [expired.announcement_id]
    assert before(store, reader, later) == []
    for one, state in ((withdrawn, AnnouncementState.WITHDRAWN), (expired, AnnouncementState.EXPIRED)):
        found = service.read_announcement(maker, store, now=later, announcement_id=one.announcement_id)
        assert found.item.state(later) is state
        assert [receipt.person_id for receipt in found.read] == [reader.person_id]
        assert found.outstanding == ()
        listed = service.list_announcements(maker, store, now=later, wanted=AnnouncementFilter(state=state))
        assert [row.announcement_id for row in listed.rows] == [one.announcement_id]
        assert listed.receipts == {one.announcement_id: 1}
        with pytest.raises(NotFound):
            reading.confirm_reading(reader, store, now=later, announcement_id=one.announcement_id)
    assert kept(store, maker, withdrawn).withdrawal_reason == "wrong day"


def test_nothing_is_seen_before_its_first_moment(store: Store, maker: Actor, checker: Actor, person) -> None:
    begins = NOW + timedelta(days=2)
    one = published(store, maker, checker, valid_from_at=begins)
    reader = person(Role.MANAGER)
    assert before(store, reader, begins - timedelta(seconds=1)) == []
    assert before(store, reader, begins) == [one.announcement_id]


def test_a_receipt_is_entered_once_a_person_however_often_they_click(
    store: Store, maker: Actor, checker: Actor, person
) -> None:
    one = published(store, maker, checker, kind=AnnouncementKind.RULE_CHANGE)
    reader = person(Role.MANAGER)

    def click() -> None:
        reading.confirm_reading(reader, store, now=NOW, announcement_id=one.announcement_id)

    clicks = [threading.Thread(target=click) for _ in range(4)]
    for each in clicks:
        each.start()
    for each in clicks:
        each.join()
    click()
    found = service.read_announcement(maker, store, now=NOW, announcement_id=one.announcement_id)
    assert [(receipt.person_id, receipt.receipt) for receipt in found.read] == [(reader.person_id, "acknowledged")]
    assert actions(store).count("announcement.acknowledged") == 1


def test_receipts_are_never_changed_nor_removed(store: Store, maker: Actor, checker: Actor, person) -> None:
    one = published(store, maker, checker)
    reader = person(Role.MANAGER)
    reading.confirm_reading(reader, store, now=NOW, announcement_id=one.announcement_id)
    for statement in (
        update(announcement_reads).values(receipt="acknowledged"),
        announcement_reads.delete(),
    ):
        with pytest.raises(DatabaseError, match="append-only"), store._writers.begin() as connection:
            connection.execute(statement)
    row = {
        "announcement_id": one.announcement_id, "person_id": reader.person_id, "person_name": "x",
        "role_code": "manager", "receipt": "read", "language": "en", "read_at": NOW,
    }  # fmt: skip
    with pytest.raises(IntegrityError), store._writers.begin() as connection:
        connection.execute(insert(announcement_reads).values(**row))


def test_only_changes_of_rules_are_to_be_acknowledged_and_only_until_they_are(
    store: Store, maker: Actor, checker: Actor, person
) -> None:
    published(store, maker, checker, "notice")
    first = published(store, maker, checker, "first", kind=AnnouncementKind.RULE_CHANGE)
    second = published(
        store, maker, checker, "second", kind=AnnouncementKind.RULE_CHANGE, valid_from_at=NOW - timedelta(days=1)
    )
    reader, other = person(Role.MANAGER), person(Role.ANALYST)
    assert reading.list_unacknowledged(other, store, now=NOW) == []
    waiting = [one.announcement_id for one in reading.list_unacknowledged(reader, store, now=NOW)]
    assert waiting == [second.announcement_id, first.announcement_id]
    for left in ([first.announcement_id], []):
        reading.confirm_reading(reader, store, now=NOW, announcement_id=waiting.pop(0))
        assert [one.announcement_id for one in reading.list_unacknowledged(reader, store, now=NOW)] == left


@pytest.mark.parametrize(
    "places", [("asset_company",), ("agencies",), ("agency-A01",), ("asset_company", "agency-A02")], ids=str
)
def test_each_person_sees_exactly_what_is_meant_for_them(
    store: Store, maker: Actor, checker: Actor, person, places: tuple[str, ...]
) -> None:
    readers = [person(role) for role in ROLES if role not in {Role.COLLECTOR, Role.FIELD_VISITOR} | AGENCY_ROLES]
    for role in (Role.COLLECTOR, Role.FIELD_VISITOR):
        readers += [person(role, agency) for agency in (None, "A01", "A02")]
    readers += [person(role, agency) for role in AGENCY_ROLES for agency in ("A01", "A02")]
    roles = {Role.COLLECTOR}
    if "asset_company" in places:
        roles |= {Role.SUPERVISOR}
    if places != ("asset_company",):
        roles |= {Role.AGENCY_SUPERVISOR}
    audience = Audience(frozenset(roles), frozenset(places))
    one = published(store, maker, checker, audience=audience)
    for reader in readers:
        meant = audience.reaches(reader)
        assert before(store, reader) == ([one.announcement_id] if meant else []), reader
        if not meant:
            with pytest.raises(NotFound):
                reading.confirm_reading(reader, store, now=NOW, announcement_id=one.announcement_id)
    found = service.read_announcement(checker, store, now=NOW, announcement_id=one.announcement_id)
    wanted = {reader.person_id for reader in [*readers, maker, checker] if audience.reaches(reader)}
    assert {receipt.person_id for receipt in found.outstanding} == wanted


def test_missing_and_foreign_are_answered_alike(store: Store, maker: Actor, checker: Actor, person) -> None:
    one = published(store, maker, checker)
    outsider = person(Role.COLLECTOR, "A01")
    answers = set()
    for identity in (one.announcement_id, "f" * 64, draft(store, maker, "d").announcement_id):
        with pytest.raises(NotFound) as refused:
            reading.confirm_reading(outsider, store, now=NOW, announcement_id=identity)
        answers.add((type(refused.value), refused.value.en, refused.value.zh))
    assert len(answers) == 1
    with pytest.raises(NotFound):
        service.read_announcement(maker, store, now=NOW, announcement_id="f" * 64)


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
