"""Files of announcements: checked, approved with the text, and fetched by its audience alone."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ops_app.domain.casework.attachments import NoSuchAttachment
from ops_app.domain.errors import Conflict, Invalid, NotFound, Refused
from ops_app.domain.organisation.announcements import (
    MOST_FILES,
    AnnouncementState,
    Audience,
    MoveNotAllowed,
)
from ops_app.domain.organisation.approvals import NotCarriedOut
from ops_app.domain.organisation.people import Actor, Role
from ops_app.gateways.attachment_files import attach_to_announcement, fetch_announced
from ops_app.services.organisation import announcement_files, approvals
from ops_app.services.organisation import announcement_reading as reading
from ops_app.services.organisation.announcement_publishing import NotTheDraft
from ops_app.services.organisation.announcements import Announcement
from ops_app.store.store import Store
from tests.services.organisation.approving import a_person
from tests.services.organisation.conftest import NOW, someone
from tests.services.organisation.test_announcements import actions, decide, draft, kept, publish, submit

BYTES = b"%PDF-1.7\n1 0 obj\n%%EOF\n"
READER = someone(Role.COLLECTOR)
OTHER = someone(Role.ANALYST)
ONLY_COLLECTORS = Audience(frozenset({Role.COLLECTOR}), frozenset({"asset_company"}))


@pytest.fixture
def maker(store: Store) -> Actor:
    return a_person(store, "Maker", Role.SUPERVISOR)


@pytest.fixture
def checker(store: Store) -> Actor:
    return a_person(store, "Checker", Role.MANAGER)


def attach(store: Store, by: Actor, one: Announcement, evidence: Path, name: str = "rules.pdf", data: bytes = BYTES):  # type: ignore[no-untyped-def]
    now_is = kept(store, by, one)
    return attach_to_announcement(
        by, store, evidence, now=NOW, announcement_id=one.announcement_id, version=now_is.version, name=name, data=data
    )


def fetch(store: Store, by: Actor, one: Announcement, evidence: Path, file_id: str, now=NOW) -> bytes:  # type: ignore[no-untyped-def]
    return fetch_announced(by, store, evidence, now=now, announcement_id=one.announcement_id, file_id=file_id)[1]


def test_a_file_is_approved_with_the_text_and_read_by_the_audience_alone(
    store: Store, tmp_path: Path, maker: Actor, checker: Actor
) -> None:
    one = draft(store, maker, audience=ONLY_COLLECTORS)
    file = attach(store, maker, one, tmp_path)
    for nobody in (READER, OTHER):
        with pytest.raises(NoSuchAttachment):
            fetch(store, nobody, one, tmp_path, file.file_id)
    assert fetch(store, checker, one, tmp_path, file.file_id) == BYTES, "who approves looks at it before"
    one = kept(store, maker, one)
    request_id = submit(store, maker, one)
    asked = approvals.read_request(checker, store, now=NOW, request_id=request_id).item
    assert asked.arguments["files"] == [f"rules.pdf · SHA-256 {file.sha256}"]
    with pytest.raises(MoveNotAllowed):
        attach(store, maker, one, tmp_path, "more.txt", b"more")
    decide(store, checker, request_id)
    (shown,) = reading.list_my_announcements(READER, store, now=NOW)
    assert [it.file_name for it in shown.files] == ["rules.pdf"]
    assert fetch(store, READER, one, tmp_path, file.file_id) == BYTES
    assert actions(store)[-1] == "announcement.file_fetched"
    with pytest.raises(NoSuchAttachment):
        fetch(store, OTHER, one, tmp_path, file.file_id)
    with pytest.raises(NoSuchAttachment):
        fetch(store, READER, one, tmp_path, "0" * 32)
    over = kept(store, maker, one).content.valid_until_at + timedelta(seconds=1)
    with pytest.raises(NoSuchAttachment):
        fetch(store, READER, one, tmp_path, file.file_id, now=over)


def test_whoever_attached_a_file_wrote_at_it_and_does_not_publish_it(
    store: Store, tmp_path: Path, maker: Actor, checker: Actor
) -> None:
    one = draft(store, maker)
    attach(store, checker, one, tmp_path)
    one = kept(store, maker, one)
    with pytest.raises(NotTheDraft):
        publish(store, a_person(store, "Third", Role.MANAGER), one)
    with pytest.raises(NotCarriedOut, match="Somebody else publishes"):
        decide(store, checker, submit(store, maker, one))
    assert kept(store, maker, one).state(NOW) is AnnouncementState.SUBMITTED


def test_a_file_is_taken_off_a_draft_and_its_bytes_stay(store: Store, tmp_path: Path, maker: Actor) -> None:
    one = draft(store, maker)
    file = attach(store, maker, one, tmp_path)
    given = {"now": NOW, "announcement_id": one.announcement_id, "file_id": file.file_id}
    with pytest.raises(Conflict, match="meanwhile"):
        announcement_files.remove_announcement_file(maker, store, version=1, **given)
    announcement_files.remove_announcement_file(maker, store, version=2, **given)
    with pytest.raises(NoSuchAttachment):
        announcement_files.remove_announcement_file(maker, store, version=3, **given)
    with pytest.raises(NoSuchAttachment):
        fetch(store, maker, one, tmp_path, file.file_id)
    assert (tmp_path / "attachments" / file.sha256[:2] / file.sha256).read_bytes() == BYTES


def test_what_is_no_such_file_is_refused_and_there_are_not_too_many(store: Store, tmp_path: Path, maker: Actor) -> None:
    one = draft(store, maker)
    for name, data in (("x.pdf", b""), ("x.exe", b"MZ"), ("x.pdf", b"plain words"), ("x.png", BYTES)):
        with pytest.raises(Invalid) as refusal:
            attach(store, maker, one, tmp_path, name, data)
        assert refusal.value.field == "file"
    for number in range(MOST_FILES):
        attach(store, maker, one, tmp_path, f"{number}.txt", b"text %d" % number)
    with pytest.raises(Conflict, match="attached already"):
        attach(store, maker, one, tmp_path, "again.txt", b"text 0")
    with pytest.raises(Invalid, match=f"at most {MOST_FILES}"):
        attach(store, maker, one, tmp_path)
    with pytest.raises(NotFound):
        attach_to_announcement(
            maker, store, tmp_path, now=NOW, announcement_id="0" * 64, version=1, name="a.pdf", data=BYTES
        )
    with pytest.raises(Refused):
        attach_to_announcement(
            READER, store, tmp_path, now=NOW, announcement_id=one.announcement_id, version=1, name="a.pdf", data=BYTES
        )
