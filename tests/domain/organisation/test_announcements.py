from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.announcements import (
    ACKNOWLEDGED,
    ANNOUNCEMENT_KIND_NAMES,
    ANNOUNCEMENT_MOVE_NAMES,
    ANNOUNCEMENT_STATE_NAMES,
    LONGEST_BODY,
    LONGEST_TITLE,
    MOVES,
    AnnouncementKind,
    AnnouncementMove,
    AnnouncementState,
    Audience,
    Content,
    MoveNotAllowed,
    checked_audience,
    checked_content,
    checked_reason,
    move,
    readable,
    state_at,
)
from ops_app.domain.organisation.people import AGENCY_ROLES, ROLES_OF_EITHER, Actor, Role

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
PEOPLE = [role for role in Role if role is not Role.SYSTEM]
ALLOWED = {
    ("draft", "edit"): "draft",
    ("draft", "submit"): "submitted",
    ("draft", "withdraw"): "withdrawn",
    ("submitted", "return"): "draft",
    ("submitted", "publish"): "published",
    ("published", "withdraw"): "withdrawn",
    ("published", "expire"): "expired",
}


def content(**changes: object) -> Content:
    made = Content(
        AnnouncementKind.NOTICE,
        "Closed on Monday",
        "The office is closed.",
        "",
        "",
        Audience(frozenset({Role.SUPERVISOR}), frozenset({"asset_company"})),
        NOW,
        NOW + timedelta(days=7),
    )
    return replace(made, **changes)


@pytest.mark.parametrize(("state", "what"), list(itertools.product(AnnouncementState, AnnouncementMove)))
def test_every_pair_of_state_and_move_is_allowed_or_refused_as_the_table_says(
    state: AnnouncementState, what: AnnouncementMove
) -> None:
    wanted = ALLOWED.get((state.value, what.value))
    if wanted is None:
        with pytest.raises(MoveNotAllowed) as refused:
            move(state, what)
        assert ANNOUNCEMENT_STATE_NAMES[state][0] in refused.value.en
        assert ANNOUNCEMENT_STATE_NAMES[state][1] in refused.value.zh
    else:
        assert move(state, what) is AnnouncementState(wanted)


def test_the_table_knows_every_state_and_withdrawn_and_expired_are_the_end() -> None:
    assert set(MOVES) == set(AnnouncementState)
    assert {state for state, moves in MOVES.items() if not moves} == {
        AnnouncementState.WITHDRAWN,
        AnnouncementState.EXPIRED,
    }


def test_editing_what_was_published_says_to_withdraw_and_draft_anew() -> None:
    with pytest.raises(MoveNotAllowed, match="draft a new one"):
        move(AnnouncementState.PUBLISHED, AnnouncementMove.EDIT)


@pytest.mark.parametrize("kept", [AnnouncementState.DRAFT, AnnouncementState.PUBLISHED, AnnouncementState.WITHDRAWN])
@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize(("seconds", "over"), [(-1, False), (0, True), (1, True)])
def test_a_draft_waits_by_its_request_and_what_was_published_expires_at_the_very_moment(
    kept: AnnouncementState, waits: bool, seconds: int, over: bool
) -> None:
    found = state_at(kept, waits=waits, valid_until_at=NOW, now=NOW + timedelta(seconds=seconds))
    wanted = {
        (AnnouncementState.DRAFT, True): AnnouncementState.SUBMITTED,
        (AnnouncementState.PUBLISHED, over): AnnouncementState.EXPIRED if over else kept,
    }
    assert found is wanted.get((kept, waits if kept is AnnouncementState.DRAFT else over), kept)


def test_everything_a_person_reads_has_a_name_in_both_languages() -> None:
    for names, values in (
        (ANNOUNCEMENT_KIND_NAMES, set(AnnouncementKind)),
        (ANNOUNCEMENT_STATE_NAMES, set(AnnouncementState)),
        (ANNOUNCEMENT_MOVE_NAMES, set(AnnouncementMove)),
    ):
        assert set(names) == values
        for en, zh in names.values():
            assert en.isascii()
            assert any("\u4e00" <= letter <= "\u9fff" for letter in zh)
    assert set(AnnouncementKind) >= ACKNOWLEDGED


@pytest.mark.parametrize("role", PEOPLE)
@pytest.mark.parametrize("agency", [None, "A01", "A02"])
@pytest.mark.parametrize("place", ["asset_company", "agencies", "agency-A01"])
@pytest.mark.parametrize("chosen", [Role.SUPERVISOR, Role.COLLECTOR, Role.AGENCY_SUPERVISOR])
def test_an_audience_reaches_its_roles_in_its_places_and_nobody_else(
    role: Role, agency: str | None, place: str, chosen: Role
) -> None:
    reader = Actor("p", "P", role, agency)
    there = {"asset_company": agency is None, "agencies": agency is not None, "agency-A01": agency == "A01"}[place]
    possible = role in ROLES_OF_EITHER or (role in AGENCY_ROLES) is (place != "asset_company")
    audience = Audience(frozenset({chosen}), frozenset({place}))
    assert audience.reaches(reader) is (there and possible and role is chosen)


@pytest.mark.parametrize(
    ("field", "roles", "places"),
    [
        ("roles", [], ["asset_company"]),
        ("places", [Role.SUPERVISOR], []),
        ("places", [Role.SUPERVISOR], ["elsewhere"]),
        ("roles", [Role.SUPERVISOR], ["agencies"]),
        ("roles", [Role.SUPERVISOR, Role.AGENCY_SUPERVISOR], ["agencies"]),
        ("roles", [Role.SYSTEM], ["asset_company"]),
        ("places", [Role.AGENCY_SUPERVISOR], ["agencies", "asset_company"]),
    ],
)
def test_an_audience_that_nobody_could_belong_to_is_refused(field: str, roles: list[Role], places: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        checked_audience(roles, places)
    assert refused.value.field == field


@given(
    st.sets(st.sampled_from(PEOPLE), min_size=1),
    st.sets(st.sampled_from(["asset_company", "agencies", "agency-A01", "agency-A02"]), min_size=1),
)
def test_an_audience_is_whole_in_its_pairs(roles: set[Role], places: set[str]) -> None:
    try:
        audience = checked_audience(roles, places)
    except Invalid:
        return
    pairs = audience.pairs()
    again = Audience(frozenset(role for role, _ in pairs), frozenset(place for _, place in pairs))
    assert again == audience
    assert again.pairs() == pairs


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("title_zh", {"title_en": "", "body_en": ""}),
        ("body_en", {"body_en": "  \n "}),
        ("title_en", {"title_en": " \u202e "}),
        ("title_zh", {"body_zh": "正文"}),
        ("body_zh", {"title_zh": "标题"}),
        ("title_en", {"title_en": "x" * (LONGEST_TITLE + 1)}),
        ("body_en", {"body_en": "x" * (LONGEST_BODY + 1)}),
        ("valid_until_at", {"valid_until_at": NOW}),
        ("valid_until_at", {"valid_until_at": NOW - timedelta(days=1)}),
        ("roles", {"audience": Audience(frozenset(), frozenset({"asset_company"}))}),
    ],
)
def test_a_wrong_text_is_refused_by_its_field(field: str, changes: dict) -> None:
    with pytest.raises(Invalid) as refused:
        checked_content(content(**changes))
    assert refused.value.field == field


def test_the_longest_text_is_taken_and_one_language_is_enough() -> None:
    longest = checked_content(content(title_en="x" * LONGEST_TITLE, body_en="y" * LONGEST_BODY))
    assert longest.in_language("zh") == ("en", "x" * LONGEST_TITLE, "y" * LONGEST_BODY)
    both = checked_content(content(title_zh=" 周一 放假 ", body_zh="办公室\r\n周一放假。\r"))
    assert both.in_language("zh") == ("zh", "周一 放假", "办公室\n周一放假。")
    assert both.in_language("en")[0] == "en"


@given(st.text())
def test_a_text_keeps_what_is_read_and_loses_what_only_turns_it(text: str) -> None:
    kept = readable(text)
    assert readable(kept) == kept
    assert not set(kept) & set("\x00\x07\x1b\u202e\u2066\r")
    assert [sign for sign in kept if sign.isalnum()] == [sign for sign in text if sign.isalnum()]


@pytest.mark.parametrize("reason", ["", "  ", "\x00", "x" * 501])
def test_an_act_without_a_reason_is_refused(reason: str) -> None:
    with pytest.raises(Invalid):
        checked_reason(reason)
