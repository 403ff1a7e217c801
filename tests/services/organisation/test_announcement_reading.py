"""Announcements before their readers: who sees which, for how long, and the receipts they leave."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import DatabaseError, IntegrityError

from ops_app.domain.errors import NotFound
from ops_app.domain.organisation.announcements import (
    AnnouncementKind,
    AnnouncementState,
    Audience,
)
from ops_app.domain.organisation.people import AGENCY_ROLES, Actor, Role
from ops_app.services.organisation import announcement_reading as reading
from ops_app.services.organisation import announcements as service
from ops_app.services.organisation.announcements import AnnouncementFilter
from ops_app.store.store import Store
from ops_app.store.tables.announcements import announcement_reads
from tests.services.organisation.announcing import (
    actions,
    before,
    draft,
    kept,
    published,
)
from tests.services.organisation.conftest import NOW

ROLES = [role for role in Role if role is not Role.SYSTEM]


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
