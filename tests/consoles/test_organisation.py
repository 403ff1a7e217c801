"""The pages of the organisation: the tree, agencies, people of the own agency, people from a file."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from ops_app.bootstrap import App
from ops_app.consoles.asset_company.parts.agency_record import TABS
from ops_app.domain.organisation.agencies import AgencyState
from ops_app.domain.organisation.people import SYSTEM, Role, person_id_of
from ops_app.domain.organisation.units import unit_id_of
from ops_app.gateways.attachment_files import keep_bytes
from ops_app.services.organisation import agencies, agency_access, approvals, memberships, people, units
from ops_app.services.organisation.agency_photos import Photo, list_photos
from ops_app.services.organisation.demo_organisation import create_demo_organisation
from ops_app.services.organisation.demo_people import create_demo_people
from ops_app.store.organisation import agency_photos as stored_photos
from ops_app.store.organisation import people as stored_people
from ops_app.store.organisation import rights as stored_rights
from tests.consoles.conftest import OpenPage, SignedInAs, words
from tests.services.organisation.conftest import someone
from tests.services.organisation.planting import an_agency

LANGUAGES = ("en", "zh")


@pytest.fixture
def house(app: App) -> App:
    """An installation with the demo's units, people and agencies."""
    now = app.clock.now()
    create_demo_people(SYSTEM, app.store, now=now, demo=True)
    create_demo_organisation(SYSTEM, app.store, now=now, today=today(app), demo=True)
    return app


def today(app: App) -> date:
    return app.clock.now().astimezone(app.settings.zone).date()


def field(at: AppTest, kind: str, name: str) -> object:
    """The field of a form by its name."""
    return next(one for one in at.get(kind) if f".{name}." in (one.key or ""))


def choose_act(at: AppTest, prefix: str, act: str) -> None:
    next(one for one in at.segmented_control if (one.key or "").startswith(prefix)).set_value(act).run()
    assert not at.exception


def submit(at: AppTest, place: int = 0) -> None:
    at.form_submit_button[place].click().run()
    assert not at.exception, [error.value for error in at.exception]


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_empty_tree_begins_with_its_head_office(app: App, open_page: OpenPage, language: str) -> None:
    at = open_page("organisation", Role.ADMINISTRATOR, language=language)
    assert {"en": "Begin with the head office", "zh": "请先在下方建立总部"}[language] in words(at)
    submit(at)
    assert at.error  # empty fields are named beside them
    field(at, "text_input", "unit_code").set_value("hq")
    field(at, "text_input", "name").set_value("Head 总部")
    submit(at)
    assert not at.error, [error.value for error in at.error]
    assert "HQ" in words(at)
    only_look = open_page("organisation", Role.AUDITOR, language=language)
    assert not only_look.form_submit_button


@pytest.mark.parametrize("language", LANGUAGES)
def test_closing_a_unit_with_open_work_is_refused_in_words(house: App, open_page: OpenPage, language: str) -> None:
    at = open_page("organisation", Role.ADMINISTRATOR, language=language, query={"units_id": unit_id_of("EAST")})
    assert "华东分部" in words(at)
    choose_act(at, "unit_act_", "close")
    at.text_area[0].set_value("merged")
    submit(at)
    expected = {
        "en": "This unit still holds: people (1), units below it (1)",
        "zh": "该组织名下仍有：人员（1）、下级组织（1）",
    }
    assert expected[language] in at.error[0].value
    assert at.text_area[0].value == "merged"


def test_a_unit_is_moved_and_both_days_are_seen(house: App, open_page: OpenPage, signed_in: SignedInAs) -> None:
    at = open_page("organisation", Role.ADMINISTRATOR, query={"units_id": unit_id_of("EAST-T1")})
    choose_act(at, "unit_act_", "change")
    day = today(house) + timedelta(days=7)
    field(at, "selectbox", "parent_id").set_value(unit_id_of("SOUTH"))
    field(at, "date_input", "valid_from").set_value(day)
    at.text_area[0].set_value("regions redrawn")
    submit(at)
    assert not at.error, [error.value for error in at.error]
    _, auditor = signed_in(Role.AUDITOR)
    record = units.read_unit(auditor, house.store, now=house.clock.now(), unit_id=unit_id_of("EAST-T1"), day=day)
    assert record.row.parent_id == unit_id_of("SOUTH")
    later = open_page(
        "organisation", Role.MANAGER, query={"units_id": unit_id_of("EAST-T1"), "units_day": day.isoformat(),
                                             "unit_tab": "rows"}
    )  # fmt: skip
    assert "华南分部 South branch › 华东一组" in words(later)


def test_a_unit_is_added_below_another(house: App, open_page: OpenPage) -> None:
    at = open_page("organisation", Role.ADMINISTRATOR, query={"units_id": unit_id_of("SOUTH")})
    field(at, "text_input", "unit_code").set_value("south-t1")
    field(at, "text_input", "name").set_value("South team")
    field(at, "selectbox", "parent_id").set_value("team")
    submit(at)
    assert "South team" in words(at)
    assert at.success


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("role", [Role.MANAGER, Role.AUDITOR])
def test_the_record_of_an_agency_opens_with_every_part(
    house: App, open_page: OpenPage, language: str, role: Role
) -> None:
    at = open_page("agencies", role, language=language, query={"agencies_id": "AG01"})
    assert "AG03" in words(at)
    assert {"en": "Cases may be placed", "zh": "今日可向该机构委案"}[language] in words(at)
    for tab in TABS:
        next(one for one in at.segmented_control if (one.key or "").startswith("agency_tab")).set_value(tab).run()
        assert not at.exception, tab
        assert not at.error, tab
    assert {"en": "agency entered", "zh": "新增机构"}[language] in words(at)


def test_a_renewal_without_evaluation_is_refused_beside_the_form(app: App, open_page: OpenPage) -> None:
    now, day = app.clock.now(), today(app)
    create_demo_organisation(SYSTEM, app.store, now=now, today=day - timedelta(days=400), demo=True)
    at = open_page("agencies", Role.MANAGER, query={"agencies_id": "AG01"})
    assert "No case may be placed today" in at.warning[0].value
    field(at, "text_input", "contract_number").set_value("C-2")
    field(at, "date_input", "valid_to").set_value(day + timedelta(days=365))
    field(at, "text_area", "reason").set_value("goes on")
    submit(at)
    assert "evaluation of the last 12 months" in at.error[0].value
    assert field(at, "text_input", "contract_number").value == "C-2"


def test_an_evaluation_is_recorded_and_a_wrong_score_named(house: App, open_page: OpenPage) -> None:
    at = open_page("agencies", Role.COMPLIANCE, query={"agencies_id": "AG01", "agency_tab": "evaluations"})
    for name, score in (("conduct_score", "91"), ("quality_score", "101"), ("security_score", "80")):
        field(at, "text_input", name).set_value(score)
    field(at, "selectbox", "result").set_value("pass")
    field(at, "text_area", "reason").set_value("visited")
    submit(at)
    assert "between 0 and 100" in at.error[0].value
    field(at, "text_input", "quality_score").set_value("88")
    submit(at)
    assert not at.error
    assert "91" in words(at)


def test_an_agency_is_entered_edited_and_moved(house: App, open_page: OpenPage, signed_in: SignedInAs) -> None:
    at = open_page("agencies", Role.MANAGER)
    field(at, "text_input", "agency_code").set_value("AG09")
    field(at, "text_input", "name").set_value("新机构有限公司")
    field(at, "text_input", "short_name").set_value("新机构")
    field(at, "text_input", "capacity_cases").set_value("many")
    submit(at)
    assert "whole number" in at.error[0].value
    field(at, "text_input", "capacity_cases").set_value("250")
    submit(at)
    assert "AG09 was entered" in at.success[0].value
    at = open_page("agencies", Role.SUPERVISOR, query={"agencies_id": "AG01"})
    next(one for one in at.text_area if one.key.startswith("move_")).set_value("complaints")
    submit(at, 1)
    assert not at.error, [error.value for error in at.error]
    _, auditor = signed_in(Role.AUDITOR)
    record = agencies.read_agency(auditor, house.store, now=house.clock.now(), agency_code="AG01", today=today(house))
    assert record.agency.state is AgencyState.SUSPENDED


def test_a_network_is_allowed_and_nonsense_named(house: App, open_page: OpenPage, signed_in: SignedInAs) -> None:
    at = open_page("agencies", Role.MANAGER, query={"agencies_id": "AG01", "agency_tab": "networks"})
    field(at, "text_input", "network").set_value("203.0.113.7/24")
    submit(at)
    assert "203.0.113.0/24" in at.error[0].value
    field(at, "text_input", "network").set_value("203.0.113.0/24")
    submit(at)
    assert "203.0.113.0/24" in at.success[0].value
    _, manager = signed_in(Role.MANAGER, name="another")
    agency_access.withdraw_network(
        manager, house.store, now=house.clock.now(), agency_code="AG01", network="203.0.113.0/24", reason="over"
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_agency_administrator_sees_and_manages_the_own_people(
    app: App, open_page: OpenPage, signed_in: SignedInAs, language: str
) -> None:
    _, admin = signed_in(Role.ADMINISTRATOR)
    made = {}
    for name, agency in (("own", "A01"), ("foreign", "A02")):
        made[name] = people.create_person(
            admin, app.store, now=app.clock.now(), sign_in_name=name, display_name=name.title(),
            role=Role.COLLECTOR, agency_code=an_agency(app.store, agency),
        ).person  # fmt: skip
    query = {"staff_id": made["own"].person_id}
    at = open_page("agency_people", Role.AGENCY_ADMINISTRATOR, language=language, query=query)
    assert "own" in words(at)
    assert "foreign" not in words(at)
    choose_act(at, "act_", "lock")
    field(at, "text_area", "reason").set_value("left")
    submit(at)
    assert at.success
    foreign = open_page(
        "agency_people", Role.AGENCY_SUPERVISOR, language=language, query={"staff_id": made["foreign"].person_id}
    )
    assert foreign.error


def test_nobody_is_offered_a_role_above_the_ceiling(open_page: OpenPage) -> None:
    at = open_page("agency_people", Role.AGENCY_ADMINISTRATOR)
    offered = field(at, "selectbox", "role").options
    assert offered == ["agency supervisor", "collector", "field visitor"]
    field(at, "text_input", "sign_in_name").set_value("newone")
    field(at, "text_input", "display_name").set_value("New One")
    field(at, "selectbox", "role").set_value("collector")
    submit(at)
    assert "newone was created" in at.success[0].value


def test_a_person_is_put_into_a_unit_and_then_leaves(house: App, open_page: OpenPage, signed_in: SignedInAs) -> None:
    _, admin = signed_in(Role.ADMINISTRATOR, name="another")
    now = house.clock.now()
    made = people.create_person(
        admin, house.store, now=now, sign_in_name="newcomer", display_name="New", role=Role.COLLECTOR
    ).person
    at = open_page("people", Role.ADMINISTRATOR, query={"people_text": "newcomer", "people_id": made.person_id})
    assert "belongs to no unit" in words(at)
    choose_act(at, "act_", "unit")
    field(at, "selectbox", "unit_id").set_value(unit_id_of("SOUTH"))
    submit(at)
    assert not at.error, [error.value for error in at.error]
    (stay,) = memberships.memberships_of(admin, house.store, now=now, person_id=made.person_id)
    assert stay.unit_id == unit_id_of("SOUTH")
    choose_act(at, "act_", "leave")
    field(at, "text_area", "reason").set_value("retires")
    submit(at)
    assert "locked" in at.success[0].value
    page = people.list_people(admin, house.store, now=now, wanted=people.PeopleFilter(text="newcomer"))
    assert not page.rows[0].active


@pytest.mark.parametrize("language", LANGUAGES)
def test_people_from_a_file_are_previewed_then_created(
    house: App, open_page: OpenPage, signed_in: SignedInAs, language: str
) -> None:
    at = open_page("people", Role.ADMINISTRATOR, language=language)
    wrong = "登录名,姓名,角色\nadmin,甲,analyst\n"
    at.file_uploader[0].set_value(("people.csv", wrong.encode("gb18030"), "text/csv")).run()
    assert not at.exception
    assert {"en": "This name is taken.", "zh": "该登录名已被使用。"}[language] in words(at)
    assert not [one for one in at.button if one.key == "people_load"]
    good = "登录名,姓名,角色,组织\nnewone,甲,analyst,HQ\n"
    at.file_uploader[0].set_value(("people.csv", good.encode(), "text/csv")).run()
    next(one for one in at.button if one.key == "people_load").click().run()
    assert not at.exception, [error.value for error in at.exception]
    assert "newone" in words(at)
    assert {"en": "People created: 1", "zh": "已创建 1 人"}[language] in words(at)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_role_that_decides_is_asked_for_on_the_page_and_given_by_the_second_person(
    house: App, open_page: OpenPage, signed_in: SignedInAs, language: str
) -> None:
    _, manager = signed_in(Role.MANAGER, name="boss")
    at = open_page("people", Role.ADMINISTRATOR, language=language)
    field(at, "text_input", "sign_in_name").set_value("huang")
    field(at, "text_input", "display_name").set_value("Huang")
    field(at, "selectbox", "role").set_value("finance")
    submit(at)
    assert {"en": "Say why.", "zh": "请填写原因。"}[language] in [error.value for error in at.error]
    assert field(at, "text_input", "sign_in_name").value == "huang", "nothing typed is lost"
    field(at, "text_area", "reason").set_value("joins the ledger")
    submit(at)
    assert not at.error, [error.value for error in at.error]
    assert {"en": "huang was asked for", "zh": "已提交 huang 的开户申请"}[language] in at.success[0].value
    now = house.clock.now()
    (one,) = approvals.list_requests(manager, house.store, now=now).rows
    approvals.approve(
        manager, house.store, now=now, request_id=one.request_id, expected_version=one.version,
        content_hash=one.content_hash, reason="seen", key="k",
    )  # fmt: skip
    with house.store.reading() as connection:
        made = stored_people.by_name(connection, "huang")
    assert made is not None
    assert made.role is Role.FINANCE


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_agency_administrator_takes_a_right_and_asks_for_it_back(
    app: App, open_page: OpenPage, signed_in: SignedInAs, language: str
) -> None:
    _, admin = signed_in(Role.ADMINISTRATOR)
    own = people.create_person(
        admin, app.store, now=app.clock.now(), sign_in_name="own", display_name="Own", role=Role.COLLECTOR,
        agency_code=an_agency(app.store, "A01"),
    ).person  # fmt: skip
    query = {"staff_id": own.person_id}
    at = open_page("agency_people", Role.AGENCY_ADMINISTRATOR, language=language, query=query)
    choose_act(at, "act_", "narrow")
    field(at, "text_area", "reason").set_value("tags too much")
    submit(at)
    assert at.error, "a right must be chosen"
    field(at, "selectbox", "permission").set_value("cases.tag")
    submit(at)
    assert not at.error, [error.value for error in at.error]
    with app.store.reading() as connection:
        assert stored_rights.rights_of(connection, own.person_id).withheld == {"cases.tag"}
    assert "tags too much" in words(at)
    field(at, "selectbox", "which").set_value(f"{own.person_id}/withheld/cases.tag")
    next(one for one in reversed(at.text_area) if one.key.startswith("give_back")).set_value("better now")
    at.button[[one.key and "give_back" in one.key for one in at.button].index(True)].click().run()
    assert not at.exception
    assert {"en": "Compliance of the asset company", "zh": "由资产公司合规审批"}[language] in at.success[0].value


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_that_is_always_refused_is_offered_on_the_own_account(
    house: App, open_page: OpenPage, language: str
) -> None:
    own = person_id_of(f"administrator-{language}")
    at = open_page("people", Role.ADMINISTRATOR, language=language, query={"people_id": own})
    assert {"en": "This is your own account.", "zh": "这是您本人的账号。"}[language] in words(at)
    (acts,) = [one for one in at.button_group if one.key == f"act_{own}"]
    assert acts.options == [{"en": "Put into a unit", "zh": "归属组织"}[language]]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_photo_is_brought_by_the_agency_and_seen_by_the_asset_company(
    app: App, open_page: OpenPage, signed_in: SignedInAs, language: str
) -> None:
    _, admin = signed_in(Role.ADMINISTRATOR)
    own = people.create_person(
        admin, app.store, now=app.clock.now(), sign_in_name="own", display_name="Own", role=Role.COLLECTOR,
        agency_code=an_agency(app.store, "A01"),
    ).person  # fmt: skip
    at = open_page("agency_people", Role.AGENCY_ADMINISTRATOR, language=language, query={"staff_id": own.person_id})
    assert {"en": "There is no photo of", "zh": "的照片。"}[language] in words(at)
    picture = Image.new("RGB", (4, 4))
    kept = io.BytesIO()
    picture.save(kept, "PNG")
    at.file_uploader[0].set_value(("face.png", kept.getvalue(), "image/png"))
    next(one for one in at.button if one.label in {"Enter a photo", "上传照片"}).click().run()
    assert not at.exception, [error.value for error in at.exception]
    assert {"en": "The photo is kept.", "zh": "照片已保存。"}[language] in words(at)
    found = list_photos(someone(Role.AUDITOR), app.store, now=app.clock.now(), agency_code="A01")
    assert set(found) == {own.person_id}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_photo_that_was_kept_damaged_is_a_sentence_and_another_one_can_be_brought(
    app: App, open_page: OpenPage, signed_in: SignedInAs, language: str
) -> None:
    _, admin = signed_in(Role.ADMINISTRATOR)
    now = app.clock.now()
    own = people.create_person(
        admin, app.store, now=now, sign_in_name="own", display_name="Own", role=Role.COLLECTOR,
        agency_code=an_agency(app.store, "A01"),
    ).person  # fmt: skip
    damaged = b"\xff\xd8\xff garbage \xff\xd9"
    digest = sha256(damaged).hexdigest()
    keep_bytes(app.settings.evidence, digest, damaged)
    with app.store.writing(admin, now) as transaction:  # as it was kept when a photo was not decoded yet
        stored_photos.put(transaction.connection, Photo(own.person_id, "A01", "image/jpeg", digest, "Ada", now))
        transaction.audit("agency.photo_added", "agency", "A01")
    at = open_page("agency_people", Role.AGENCY_ADMINISTRATOR, language=language, query={"staff_id": own.person_id})
    assert not at.exception, [error.value for error in at.exception]
    assert {"en": "cannot be shown: the picture is damaged", "zh": "已损坏，无法显示"}[language] in words(at)
    kept = io.BytesIO()
    Image.new("RGB", (4, 4)).save(kept, "PNG")
    at.file_uploader[0].set_value(("face.png", kept.getvalue(), "image/png"))
    next(one for one in at.button if one.label in {"Enter a photo", "上传照片"}).click().run()
    assert not at.exception, [error.value for error in at.exception]
    found = list_photos(someone(Role.AUDITOR), app.store, now=now, agency_code="A01")
    assert found[own.person_id].media_type == "image/png"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_audit_log_is_searched_by_network_address(app: App, open_page: OpenPage, language: str) -> None:
    for number, address in enumerate(("203.0.113.7", "198.51.100.1")):
        with app.store.writing(replace(SYSTEM, address=address), app.clock.now()) as transaction:
            transaction.audit("person.left", "person", f"p-seen-{number}")
    at = open_page("audit", Role.AUDITOR, language=language, query={"audit_address": "203.0.113.7"})
    assert not at.exception, [error.value for error in at.exception]
    assert "p-seen-0" in words(at)
    assert "203.0.113.7" in words(at)
    assert "p-seen-1" not in words(at)
