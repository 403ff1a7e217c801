"""Announcements on the pages: made by some, met by all, and a change of rules that no address leads round."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from ops_app.bootstrap import App
from ops_app.consoles.pages import PAGES
from ops_app.domain.organisation.announcements import AnnouncementKind, AnnouncementState, Audience, Content
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.organisation import announcement_publishing as publishing
from ops_app.services.organisation import announcements as service
from ops_app.services.organisation import approvals
from tests.consoles.conftest import OpenPage, SignedInAs, words

STAFF = Audience(frozenset({Role.SUPERVISOR, Role.ADMINISTRATOR, Role.MANAGER}), frozenset({"asset_company"}))
ATTACKS = ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[click](http://example.org)", "**bold**"]


def content(app: App, **changes: object) -> Content:
    now = app.clock.now()
    made = Content(
        AnnouncementKind.NOTICE,
        "Closed on Monday",
        "The office is closed.",
        "周一放假",
        "办公室周一放假。",
        STAFF,
        now - timedelta(hours=1),
        now + timedelta(days=3),
    )
    return replace(made, **changes)


@pytest.fixture
def drafted(app: App, signed_in: SignedInAs):
    """A draft by somebody of compliance."""

    def make(key: str = "k", **changes: object) -> service.Announcement:
        _, maker = signed_in(Role.COMPLIANCE, name=f"maker-{key}")
        now = app.clock.now()
        return service.draft_announcement(maker, app.store, now=now, content=content(app, **changes), key=key)

    return make


@pytest.fixture
def published(app: App, signed_in: SignedInAs, drafted):
    """An announcement that two people published."""

    def make(key: str = "k", **changes: object) -> service.Announcement:
        one = drafted(key, **changes)
        now = app.clock.now()
        _, maker = signed_in(Role.COMPLIANCE, name=f"submitter-{key}")
        _, checker = signed_in(Role.MANAGER, name=f"checker-{key}")
        request_id = publishing.submit_announcement(
            maker,
            app.store,
            now=now,
            announcement_id=one.announcement_id,
            version=one.version,
            reason="people must know",
            key=key,
        )
        asked = approvals.read_request(checker, app.store, now=now, request_id=request_id).item
        approvals.approve(
            checker,
            app.store,
            now=now,
            request_id=request_id,
            expected_version=asked.version,
            content_hash=asked.content_hash,
            reason="read it twice",
            key=f"approve-{key}",
        )
        return one

    return make


LOOKING = Actor("p-looking", "Looking", Role.COMPLIANCE)


def record(app: App, one: service.Announcement) -> service.AnnouncementRecord:
    return service.read_announcement(LOOKING, app.store, now=app.clock.now(), announcement_id=one.announcement_id)


def press(at: AppTest, label: str) -> AppTest:
    next(button for button in at.button if button.label == label).click().run()
    assert not at.exception, [error.value for error in at.exception]
    return at


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_address_leads_round_a_change_of_rules(
    open_page: OpenPage, published, app: App, signed_in: SignedInAs, language: str
) -> None:
    one = published(kind=AnnouncementKind.RULE_CHANGE)
    title = {"en": "Closed on Monday", "zh": "周一放假"}[language]
    at = open_page("home", Role.ADMINISTRATOR, language=language)
    for spec in PAGES:
        if spec.url_path:
            at.switch_page(spec.file).run()
        assert not at.exception
        assert title in words(at), spec.key
        assert not at.title, spec.key
        assert not at.dataframe, spec.key
        assert len(at.checkbox) == 1, spec.key
    at.button[0].click().run()
    assert at.error, "a press without the tick confirms nothing"
    assert record(app, one).read == ()
    at.checkbox[0].check()
    at.button[0].click().run()
    assert not at.exception
    assert at.title, "the page that was asked for is open now"
    (receipt,) = record(app, one).read
    assert (receipt.receipt, receipt.language, receipt.role) == ("acknowledged", language, Role.ADMINISTRATOR)


def test_those_it_is_not_meant_for_are_not_stopped(open_page: OpenPage, published) -> None:
    published(kind=AnnouncementKind.RULE_CHANGE)
    for role in (Role.ANALYST, Role.COLLECTOR, Role.AGENCY_SUPERVISOR):
        at = open_page("home", role)
        assert at.title
        assert "Closed on Monday" not in words(at)


def test_several_changes_are_acknowledged_one_after_another(open_page: OpenPage, published) -> None:
    published("a", kind=AnnouncementKind.RULE_CHANGE, title_en="First rule")
    published("b", kind=AnnouncementKind.RULE_CHANGE, title_en="Second rule")
    at = open_page("people", Role.ADMINISTRATOR)
    seen = []
    for _ in range(2):
        assert not at.title
        seen.append("First rule" if "First rule" in words(at) else "Second rule")
        at.checkbox[0].check()
        at.button[0].click().run()
    assert set(seen) == {"First rule", "Second rule"}
    assert at.title[0].value == "People"


def test_a_withdrawn_change_of_rules_stops_nobody(open_page: OpenPage, published, app: App, signed_in) -> None:
    one = published(kind=AnnouncementKind.RULE_CHANGE)
    at = open_page("people", Role.ADMINISTRATOR)
    assert not at.title
    kept = record(app, one).item
    _, manager = signed_in(Role.MANAGER, name="withdrawing")
    service.withdraw_announcement(
        manager, app.store, now=app.clock.now(), announcement_id=one.announcement_id, version=kept.version, reason="bad"
    )
    at.run()
    assert at.title[0].value == "People"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_front_page_has_what_is_unread_and_keeps_what_was_read(
    open_page: OpenPage, published, app: App, signed_in: SignedInAs, language: str
) -> None:
    one = published()
    at = open_page("home", Role.SUPERVISOR, language=language)
    assert {"en": "The office is closed.", "zh": "办公室周一放假。"}[language] in words(at)
    press(at, {"en": "I have read this", "zh": "我已阅读"}[language])
    assert [button for button in at.button if button.key and button.key.startswith("read_")] == []
    assert {"en": "Read before (1)", "zh": "已读公告（1）"}[language] in words(at)
    assert [receipt.receipt for receipt in record(app, one).read] == ["read"]


def test_without_any_the_front_page_says_so(open_page: OpenPage) -> None:
    assert "There is no announcement." in words(open_page("home", Role.COLLECTOR))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_approver_reads_the_whole_text_and_publishes_it(
    open_page: OpenPage, drafted, app: App, signed_in: SignedInAs, language: str
) -> None:
    one = drafted(audience=Audience(frozenset({Role.COMPLIANCE}), frozenset({"asset_company"})))
    _, maker = signed_in(Role.COMPLIANCE, name="submitting")
    request_id = publishing.submit_announcement(
        maker, app.store, now=app.clock.now(), announcement_id=one.announcement_id, version=1, reason="please", key="s"
    )
    query = {"approvals_queue_id": request_id}
    at = open_page("approvals", Role.MANAGER, language=language, query=query)
    assert not at.exception
    read = words(at)
    kind, place, role, press_it = {
        "en": ("notice", "asset company", "compliance", "Approve and carry out"),
        "zh": ("通知", "资产公司", "合规", "终审通过并执行"),
    }[language]
    for part in ("The office is closed.", "办公室周一放假。", kind, place, role):
        assert part in read
    press(at, press_it)
    assert record(app, one).item.state(app.clock.now()) is AnnouncementState.PUBLISHED


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_was_written_is_shown_as_text(open_page: OpenPage, published, attack: str) -> None:
    published(title_en=attack, body_en=f"{attack}\nsecond line")
    at = open_page("home", Role.SUPERVISOR)
    shown = [element for element in at.get("html") if "second line" in element.proto.body]
    assert len(shown) == 1
    assert "<script" not in shown[0].proto.body
    assert "<img" not in shown[0].proto.body
    for kind in ("markdown", "caption", "success", "info", "warning", "header", "subheader"):
        assert not any(attack in str(element.value) for element in at.get(kind)), kind


def test_the_page_of_the_maker_begins_with_what_to_do(open_page: OpenPage) -> None:
    at = open_page("announcements", Role.COMPLIANCE)
    assert "Draft the first one below." in words(at)
    at = open_page("announcements", Role.COMPLIANCE, language="zh")
    assert "请在下方起草第一条公告" in words(at)


def fill(at: AppTest, **values: str) -> None:
    for field, value in values.items():
        box = next(one for one in (*at.text_input, *at.text_area) if f".{field}." in (one.key or ""))
        box.set_value(value)


def choose(at: AppTest, **values: list[str]) -> None:
    for field, chosen in values.items():
        box = next(one for one in at.multiselect if f".{field}." in (one.key or ""))
        box.set_value(chosen)


def test_a_draft_is_entered_and_an_error_stands_beside_its_field(open_page: OpenPage, app: App, signed_in) -> None:
    at = open_page("announcements", Role.COMPLIANCE)
    fill(at, title_en="Only a title")
    press(at, "Keep as draft")
    assert "both its title and its text" in at.error[0].value
    fill(at, body_en="And a text.")
    press(at, "Keep as draft")
    assert "Choose at least one role." in at.error[0].value
    choose(at, roles=["manager"], places=["asset_company"])
    press(at, "Keep as draft")
    assert not at.error, [error.value for error in at.error]
    assert "The draft was kept." in at.success[0].value
    _, manager = signed_in(Role.MANAGER)
    (row,) = service.list_announcements(manager, app.store, now=app.clock.now()).rows
    assert (row.content.title_en, row.content.audience.roles) == ("Only a title", {Role.MANAGER})
    last = row.content.valid_until_at.astimezone(app.settings.zone)
    assert (last.hour, last.minute) == (0, 0)


def open_one(open_page: OpenPage, one: service.Announcement, part: str, language: str = "en") -> AppTest:
    query = {"announcements_id": one.announcement_id, "announcements_part": part}
    at = open_page("announcements", Role.SUPERVISOR, language=language, query=query)
    assert not at.exception, [error.value for error in at.exception]
    return at


def test_a_draft_is_edited_submitted_and_then_offers_neither(
    open_page: OpenPage, drafted, app: App, signed_in: SignedInAs
) -> None:
    audience = Audience(frozenset({Role.COMPLIANCE}), frozenset({"asset_company"}))
    one = drafted(audience=audience)
    at = open_one(open_page, one, "edit")
    fill_edit = next(box for box in at.text_input if box.value == "Closed on Monday")
    fill_edit.set_value("Closed on Tuesday")
    press(at, "Keep as draft")
    assert record(app, one).item.content.title_en == "Closed on Tuesday"
    at.query_params["announcements_part"] = "submit"
    at.run()
    at.text_area[0].set_value("the holiday moved")
    press(at, "Submit for approval")
    assert record(app, one).item.state(app.clock.now()) is AnnouncementState.SUBMITTED
    text = words(at)
    assert "waiting for approval" in text
    assert "Edit" not in at.segmented_control[1].options
    assert "Withdraw" not in at.segmented_control[1].options


def test_who_was_slower_is_told_by_whom_and_keeps_what_they_typed(
    open_page: OpenPage, drafted, app: App, signed_in: SignedInAs
) -> None:
    one = drafted()
    at = open_one(open_page, one, "edit")
    next(box for box in at.text_input if box.value == "Closed on Monday").set_value("Mine")
    _, other = signed_in(Role.MANAGER, name="faster")
    service.edit_announcement(
        other,
        app.store,
        now=app.clock.now(),
        announcement_id=one.announcement_id,
        version=1,
        content=content(app, title_en="Theirs"),
    )
    press(at, "Keep as draft")
    said = "\n".join(warning.value for warning in at.warning)
    assert "Test manager changed this draft" in said
    assert "Theirs" in words(at)
    assert any(box.value == "Mine" for box in at.text_input)
    assert record(app, one).item.content.title_en == "Theirs"
    press(at, "Go on with what I typed")
    assert any(box.value == "Mine" for box in at.text_input)
    press(at, "Keep as draft")
    assert record(app, one).item.content.title_en == "Mine"


def test_the_readers_are_listed_with_those_who_have_not(open_page: OpenPage, published) -> None:
    one = published()
    at = open_page("home", Role.MANAGER)
    press(at, "I have read this")
    at = open_one(open_page, one, "readers")
    frame = at.dataframe[1].value
    assert list(frame["receipt"]) == ["read", "not yet", "not yet"]
    assert set(frame["name"]) == {"Test manager", "Test supervisor"}


def test_the_readers_are_narrowed_by_receipt_role_and_day(open_page: OpenPage, published) -> None:
    one = published()
    at = open_page("home", Role.MANAGER)
    press(at, "I have read this")
    at = open_one(open_page, one, "readers")

    def readers(**query: str) -> list[str]:
        for name in ("receipt", "role", "house", "since", "until"):
            at.query_params.pop(f"readers_{name}", None)
        for name, value in query.items():
            at.query_params[f"readers_{name}"] = value
        at.run()
        assert not at.exception
        return [str(name) for frame in at.dataframe if "receipt" in frame.value for name in frame.value["name"]]

    everybody = readers()
    assert readers(receipt="read") == ["Test manager"]
    assert sorted([*readers(receipt="none"), "Test manager"]) == sorted(everybody)
    assert set(readers(role="supervisor")) == {"Test supervisor"}
    assert readers(house="-") == everybody
    assert readers(since="2020-01-01") == ["Test manager"]
    assert readers(until="2020-01-01") == []
    assert readers(since="soon") == everybody
    assert "“soon” is no day" in at.error[0].value


@pytest.mark.parametrize("part", ["preview", "readers", "withdraw"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_part_opens_in_both_languages(open_page: OpenPage, published, part: str, language: str) -> None:
    one = published(audience=replace(STAFF, roles=frozenset({Role.COMPLIANCE})))
    at = open_one(open_page, one, part, language)
    assert not at.error
    assert {"en": "Published by", "zh": "审批发布人"}[language] in words(at)


def test_a_link_to_one_that_is_not_there_is_answered_in_words(open_page: OpenPage) -> None:
    at = open_page("announcements", Role.SUPERVISOR, query={"announcements_id": "f" * 64})
    assert not at.exception
    assert "There is no such announcement." in at.error[0].value


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_file_is_put_on_a_draft_and_offered_to_its_audience(
    open_page: OpenPage, app: App, signed_in, drafted, language: str
) -> None:
    one = drafted()
    query = {"announcements_id": one.announcement_id, "announcements_part": "files"}
    at = open_page("announcements", Role.ADMINISTRATOR, language=language, query=query)
    assert {"en": "No file is attached.", "zh": "没有附件。"}[language] in words(at)
    at.file_uploader[0].set_value(("rules.pdf", b"%PDF-1.7\n1 0 obj\n%%EOF\n", "application/pdf"))
    next(button for button in at.button if button.label in {"Attach a file", "添加附件"}).click().run()
    assert not at.exception, [error.value for error in at.exception]
    assert {"en": "Attached: rules.pdf", "zh": "已添加：rules.pdf"}[language] in words(at)
    now = app.clock.now()
    _, maker = signed_in(Role.COMPLIANCE, name="submitter")
    _, checker = signed_in(Role.MANAGER, name="checker")
    asked = publishing.submit_announcement(
        maker, app.store, now=now, announcement_id=one.announcement_id, version=2, reason="people must know", key="s"
    )
    item = approvals.read_request(checker, app.store, now=now, request_id=asked).item
    approvals.approve(
        checker, app.store, now=now, request_id=asked, expected_version=item.version, content_hash=item.content_hash,
        reason="looked at", key="a",
    )  # fmt: skip
    front = open_page("home", Role.SUPERVISOR, language=language)
    assert f"/api/v1/announcements/{one.announcement_id}/files/" in words(front)
    assert "rules.pdf" in words(front)
