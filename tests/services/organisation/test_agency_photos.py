"""Photos of an agency's people: entered by the asset company or the agency, seen by both and by no other agency."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops_app.domain.errors import Invalid, NotFound, Refused
from ops_app.domain.organisation.people import Actor, Role
from ops_app.gateways.person_photos import bring_photo, photo_of
from ops_app.services.organisation import agency_photos, people
from ops_app.services.organisation.agency_photos import LARGEST_PHOTO
from ops_app.store.store import Store
from tests.services.organisation.conftest import NOW, someone
from tests.services.organisation.planting import an_agency

PNG = b"\x89PNG\r\n\x1a\n" + b"face" * 9 + b"IEND\xaeB`\x82"
OTHER_PNG = b"\x89PNG\r\n\x1a\n" + b"older" * 9 + b"IEND\xaeB`\x82"
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
