"""Files of a case through page and link: attached, fetched by those who have the case, dead with the placement."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ops_app.bootstrap import App
from ops_app.domain.organisation.people import Actor, Role
from ops_app.gateways.attachment_files import attach_file
from tests.consoles.conftest import OpenPage, SignedInAs, words
from tests.consoles.test_rest import client as client
from tests.services.casework.casebook import SUPERVISOR, placed, recalled, some_cases
from tests.services.casework.test_record import PDF


@pytest.fixture
def ids(app: App) -> list[str]:
    """Three cases, the first placed with A01 and the second with A02."""
    now = app.clock.now()
    made = some_cases(app.store, app.settings.evidence, 3)
    for agency, one in zip(("A01", "A02"), made, strict=False):
        placed(app.store, agency, one, now=now, due_at=now + timedelta(days=30))
    return made


def attached(app: App, case_id: str, by: Actor = SUPERVISOR, **other: bool) -> str:
    one = attach_file(
        by, app.store, app.settings.evidence, now=app.clock.now(), case_id=case_id, name="合同.pdf", data=PDF, **other
    )
    return f"/api/v1/cases/{case_id}/files/{one.attachment_id}"


def test_a_link_gives_the_file_as_a_download_and_dies_with_the_placement(
    client, app: App, ids: list[str], signed_in: SignedInAs
) -> None:
    link, secret = attached(app, ids[0], for_agency=True), attached(app, ids[1])
    assert client.get(link).status_code == 401
    token, _ = signed_in(Role.AGENCY_SUPERVISOR)
    client.cookies.set("recoup_session", token)
    missing = client.get(f"/api/v1/cases/{ids[0]}/files/{'0' * 32}")
    assert missing.status_code == 404
    answer = client.get(link)
    assert answer.content == PDF
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''%E5%90%88%E5%90%8C.pdf")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].endswith("sandbox"), "the route's own policy stands"
    assert answer.headers["x-frame-options"] == "DENY"
    foreign = [secret, link.replace(ids[0], ids[1]), link.replace(ids[0], "0" * 32), f"/api/v1/cases/x/files/{'é' * 9}"]
    for guess in foreign:
        answer = client.get(guess)
        assert (answer.status_code, answer.content) == (404, missing.content), guess
    recalled(app.store, ids[0], now=app.clock.now())
    answer = client.get(link)
    assert (answer.status_code, answer.content) == (404, missing.content)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_tab_lists_the_files_of_ones_reach_and_says_what_to_do_when_there_is_none(
    app: App, ids: list[str], open_page: OpenPage, language: str
) -> None:
    attached(app, ids[0], for_agency=True)
    query = {"case_id": ids[0], "case_tab": "files"}
    at = open_page("agency_cases", Role.AGENCY_SUPERVISOR, language=language, query=query)
    assert not at.exception, [error.value for error in at.exception]
    assert f"/api/v1/cases/{ids[0]}/files/" in words(at)
    empty = open_page("cases", Role.SUPERVISOR, language=language, query={"case_id": ids[2], "case_tab": "files"})
    assert {"en": "No file is attached.", "zh": "暂无附件"}[language] in words(empty)


def test_a_form_without_a_file_says_so_and_keeps_the_note(app: App, ids: list[str], open_page: OpenPage) -> None:
    at = open_page("cases", Role.SUPERVISOR, query={"case_id": ids[2], "case_tab": "files"})
    name = f"attach_{ids[2]}"
    note = next(one for one in at.text_input if (one.key or "").startswith(f"{name}.note"))
    note.set_value("letter of the 3rd")
    next(one for one in at.button if one.label == "Attach a file" and one.form_id == f"form_{name}").click().run()
    assert not at.exception, [error.value for error in at.exception]
    assert at.error
    assert next(one for one in at.text_input if (one.key or "").startswith(f"{name}.note")).value == "letter of the 3rd"
