"""The page of the access review: unused rights are listed, taken, and asked back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ops_app.bootstrap import App
from ops_app.domain.organisation.access_reviews import ReviewDecision
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.domain.organisation.rights import Narrowing
from ops_app.domain.organisation.units import UnitKind, unit_id_of
from ops_app.services.organisation import access_reviews, approvals, rights, units
from tests.consoles.conftest import OpenPage, SignedInAs, words

LATE = timedelta(days=100)
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


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_review_of_the_quarter_is_decided_on_the_page(
    open_page: OpenPage, app: App, signed_in: SignedInAs, language: str
) -> None:
    _, fin = signed_in(Role.FINANCE)
    later = app.clock.now() + LATE
    at = open_page("access_review", Role.ADMINISTRATOR, language=language)
    assert {"en": "No review began yet", "zh": "尚未开始复核"}[language] in words(at)
    access_reviews.carry_on_reviews(SYSTEM, app.store, now=later, today=later.date())
    at.run()
    assert not at.exception, [error.value for error in at.exception]
    one = next(box for box in at.selectbox if box.key and box.key.startswith("reviewed_one_"))
    one.set_value(f"{fin.person_id}/books.export").run()
    box = next(box for box in at.selectbox if box.key and ".decision" in box.key)
    box.set_value("take")
    next(box for box in at.text_area if box.key and box.key.startswith("reviewed_")).set_value("never used")
    next(button for button in at.button if button.label in {"Decide", "确认处理"}).click().run()
    assert not at.exception, [error.value for error in at.exception]
    assert {"en": "Decided: 1", "zh": "已处理 1 项"}[language] in words(at)
    (review,) = access_reviews.list_reviews(AUDITOR, app.store, now=later)
    (taken,) = access_reviews.list_reviewed(
        AUDITOR, app.store, now=later, review_id=review.review_id, undecided=False
    ).rows
    assert (taken.person_id, taken.permission, taken.decision, taken.reason) == (
        fin.person_id, "books.export", ReviewDecision.TAKEN, "never used",
    )  # fmt: skip
    looking = open_page("access_review", Role.AUDITOR, language=language, query={"access_review_only": "decided"})
    assert "never used" in words(looking)


def test_the_cases_of_a_unit_are_left_by_choosing_it(open_page: OpenPage, app: App, signed_in: SignedInAs) -> None:
    _, fin = signed_in(Role.SUPERVISOR, name="sup")
    _, admin = signed_in(Role.ADMINISTRATOR, name="ada")
    now = app.clock.now()
    today = now.astimezone(app.settings.zone).date()
    units.add_unit(
        admin, app.store, now=now, unit_code="HQ", name="Head", kind=UnitKind.HEAD_OFFICE, parent_id=None,
        valid_from=today,
    )  # fmt: skip
    key = f"narrow_{fin.person_id}/cases.view"
    query = {"review_days": "0", "review_id": f"{fin.person_id}/cases.view"}
    at = open_page("access_review", Role.ADMINISTRATOR, query=query)
    assert not at.exception, [error.value for error in at.exception]
    next(box for box in at.selectbox if box.key and box.key.startswith(f"{key}.kind")).set_value("team")
    next(box for box in at.text_area if box.key and box.key.startswith(f"{key}.reason")).set_value("her team only")
    next(button for button in at.button if button.label == "Take away").click().run()
    assert "Please fill this in." in words(at) or at.error, "the unit is asked for beside its field"
    chosen = next(box for box in at.multiselect if box.key and box.key.startswith(f"{key}.units"))
    assert chosen.options == ["Head (HQ)"]
    chosen.set_value([unit_id_of("HQ")])
    next(button for button in at.button if button.label == "Take away").click().run()
    assert "Done; it holds from now on." in words(at)
    ((one, _),) = rights.list_narrowed(AUDITOR, app.store, now=now)
    assert (one.kind, one.value) == (Narrowing.TEAM, [unit_id_of("HQ")])
