"""Photos of an agency's people: entered by the asset company or the agency, seen by both and by no other agency."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from ops_app.domain.errors import Invalid, NotFound, Refused
from ops_app.domain.organisation.people import Actor, Role
from ops_app.gateways.person_photos import bring_photo, photo_of
from ops_app.services.organisation import agency_photos, people
from ops_app.services.organisation.agency_photos import LARGEST_PHOTO
from ops_app.store.store import Store
from tests.services.organisation.conftest import NOW, someone
from tests.services.organisation.planting import an_agency


def a_picture(kind: str = "PNG", size: tuple[int, int] = (4, 4), color: str = "red", mode: str = "RGB") -> bytes:
    kept = io.BytesIO()
    Image.new(mode, size, color if mode == "RGB" else 0).save(kept, kind)
    return kept.getvalue()


PNG, OTHER_PNG = a_picture(), a_picture(color="blue")
MANAGER = someone(Role.MANAGER)
OWN, FOREIGN = someone(Role.AGENCY_ADMINISTRATOR, "AG01"), someone(Role.AGENCY_ADMINISTRATOR, "AG02")


@pytest.fixture
def wang(store: Store, admin: Actor) -> str:
    for code in ("AG01", "AG02"):
        an_agency(store, code)
    return people.create_person(
        admin, store, now=NOW, sign_in_name="wang", display_name="Wang", role=Role.COLLECTOR, agency_code="AG01"
    ).person.person_id


def bring(store: Store, evidence: Path, by: Actor, who: str, data: bytes = PNG, name: str = "face.png", code="AG01"):  # type: ignore[no-untyped-def]
    return bring_photo(by, store, evidence, now=NOW, agency_code=code, person_id=who, name=name, data=data)


def seen(store: Store, evidence: Path, by: Actor, who: str, code: str = "AG01") -> bytes | None:
    found = photo_of(by, store, evidence, now=NOW, agency_code=code, person_id=who)
    return None if found is None else found[1]


def test_a_photo_is_seen_by_the_asset_company_and_the_own_agency_alone(store: Store, tmp_path: Path, wang: str) -> None:
    assert seen(store, tmp_path, MANAGER, wang) is None
    bring(store, tmp_path, OWN, wang)
    for by in (MANAGER, someone(Role.AUDITOR), OWN):
        assert seen(store, tmp_path, by, wang) == PNG
    assert seen(store, tmp_path, FOREIGN, wang) is None
    assert seen(store, tmp_path, FOREIGN, wang, "AG02") is None
    with pytest.raises(Refused):
        seen(store, tmp_path, someone(Role.COLLECTOR, "AG01"), wang)
    bring(store, tmp_path, MANAGER, wang, OTHER_PNG)
    assert seen(store, tmp_path, OWN, wang) == OTHER_PNG


def test_only_pictures_of_the_agencys_own_people_are_taken(store: Store, tmp_path: Path, wang: str) -> None:
    for by, who, code in ((FOREIGN, wang, "AG02"), (FOREIGN, wang, "AG01"), (MANAGER, wang, "AG02"),
                          (OWN, "p-none", "AG01")):  # fmt: skip
        with pytest.raises(NotFound):
            bring(store, tmp_path, by, who, code=code)
    too_large = PNG[:8] + b"x" * LARGEST_PHOTO + PNG[-8:]
    for name, data in (("face.txt", b"a face"), ("face.jpg", PNG), ("face.png", b""), ("face.png", too_large)):
        with pytest.raises(Invalid) as refusal:
            bring(store, tmp_path, OWN, wang, data, name)
        assert refusal.value.field == "file"
    with pytest.raises(Refused):
        bring(store, tmp_path, someone(Role.AUDITOR), wang)


def test_a_photo_that_is_taken_off_or_whose_person_moved_is_shown_no_longer(
    store: Store, tmp_path: Path, admin: Actor, wang: str
) -> None:
    bring(store, tmp_path, OWN, wang)
    common = {"now": NOW, "agency_code": "AG01", "person_id": wang, "reason": "asked for it"}
    agency_photos.remove_photo(MANAGER, store, **common)
    assert seen(store, tmp_path, OWN, wang) is None
    with pytest.raises(NotFound):
        agency_photos.remove_photo(MANAGER, store, **common)
    bring(store, tmp_path, OWN, wang)
    people.change_role(
        admin, store, now=NOW, person_id=wang, version=1, role=Role.COLLECTOR, agency_code="AG02", reason="moves"
    )
    assert seen(store, tmp_path, OWN, wang) is None
    assert seen(store, tmp_path, FOREIGN, wang) is None


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("face.jpg", b"\xff\xd8\xff garbage \xff\xd9", "damaged"),
        ("face.png", b"\x89PNG\r\n\x1a\n" + b"face" * 9 + b"IEND\xaeB`\x82", "damaged"),
        ("face.png", a_picture(size=(90, 90))[:60] + a_picture()[-12:], "damaged"),
        ("face.jpg", a_picture("JPEG", (600, 600))[:300] + b"\xff\xd9", "damaged"),
        ("face.png", a_picture(size=(8_000, 5_001), mode="1"), "40 million pixels"),
        ("face.png", a_picture(size=(20_000, 20_000), mode="1"), "40 million pixels"),
    ],
    ids=["no JPEG", "no PNG", "PNG cut", "JPEG cut", "too many pixels", "a bomb"],
)
def test_what_is_no_whole_picture_or_too_large_to_draw_is_refused(name: str, data: bytes, says: str) -> None:
    with pytest.raises(Invalid, match=says) as refusal:
        agency_photos.checked_photo(data, name)
    assert refusal.value.field == "file"


def test_a_whole_picture_of_either_kind_within_the_bound_is_taken() -> None:
    assert agency_photos.checked_photo(a_picture("JPEG"), "face.jpg") == "image/jpeg"
    assert agency_photos.checked_photo(a_picture(size=(8_000, 5_000), mode="1"), "face.png") == "image/png"
