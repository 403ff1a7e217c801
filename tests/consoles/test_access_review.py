"""The page of the access review: unused rights are listed, taken, and asked back."""

from __future__ import annotations

import pytest

from ops_app.bootstrap import App
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.organisation import approvals, rights
from tests.consoles.conftest import OpenPage, SignedInAs, words

AUDITOR = Actor("p-looking", "Looking", Role.AUDITOR)


def test_a_right_is_taken_on_the_page_and_asked_back(open_page: OpenPage, app: App, signed_in: SignedInAs) -> None:
    _, fin = signed_in(Role.FINANCE)
    at = open_page("access_review", Role.ADMINISTRATOR, query={"review_days": "0"})
    assert not at.exception
    assert "Test finance" in words(at)
    assert "Nobody has less than their role." in words(at)
    key = f"narrow_{fin.person_id}/payments.record"
    at.query_params["review_id"] = f"{fin.person_id}/payments.record"
    at.run()
    assert not at.exception, [error.value for error in at.exception]
    next(box for box in at.text_area if box.key and box.key.startswith(f"{key}.reason")).set_value("never used")
    next(button for button in at.button if button.label == "Take away").click().run()
    assert not at.exception, [error.value for error in at.exception]
    assert "Done; it holds from now on." in words(at)
    ((one, name),) = rights.list_narrowed(AUDITOR, app.store, now=app.clock.now())
    assert (one.permission, name, one.reason) == ("payments.record", "Test finance", "never used")
    which = next(box for box in at.selectbox if box.label == "Which")
    which.set_value(f"{fin.person_id}/withheld/payments.record")
    next(box for box in at.text_area if box.key and box.key.startswith("give_back.reason")).set_value("needed again")
    next(button for button in at.button if button.label == "Ask to give it back").click().run()
    assert "Somebody else approves it" in words(at)
    _, cora = signed_in(Role.COMPLIANCE)
    (asked,) = approvals.list_requests(cora, app.store, now=app.clock.now(), only_mine=True).rows
    assert (asked.kind, asked.object_id) == (rights.WIDEN, fin.person_id)


@pytest.mark.parametrize(("role", "language"), [(Role.AUDITOR, "zh"), (Role.COMPLIANCE, "en")])
def test_those_who_only_look_are_told_who_takes(open_page: OpenPage, app: App, role: Role, language: str) -> None:
    query = {"review_days": "0", "review_id": "p-x/payments.record"}
    at = open_page("access_review", role, language=language, query=query)
    assert not at.exception
    assert {"zh": "收回权限由系统管理员办理", "en": "Taking away is done by the administrator"}[language] in words(at)
    assert not [button for button in at.button if button.label in {"Take away", "确认收回"}]
