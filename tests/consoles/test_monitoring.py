"""The page of internal monitoring: what is open, whose, taken over and closed with a note."""

from __future__ import annotations

from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from ops_app.bootstrap import App
from ops_app.domain.organisation.people import SYSTEM, Role
from ops_app.services.casework.monitoring import find_alerts
from tests.consoles.conftest import OpenPage, words
from tests.services.casework.casebook import placed, some_cases


@pytest.fixture
def found(app: App) -> None:
    """Two cases that nobody tried within two days of their placement."""
    now = app.clock.now()
    ids = some_cases(app.store, app.settings.evidence)
    placed(app.store, "A01", *ids[:2], now=now - timedelta(days=4), due_at=now + timedelta(days=30))
    find_alerts(SYSTEM, app.store, now=now, today=now.date())


def press(at: AppTest, label: str) -> None:
    next(one for one in at.button if one.label == label).click().run()
    assert not at.exception, [error.value for error in at.exception]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_open_is_listed_with_its_owner_and_time(found: None, open_page: OpenPage, language: str) -> None:
    at = open_page("monitoring", Role.COMPLIANCE, language=language)
    assert not at.exception, [error.value for error in at.exception]
    said = words(at)
    assert {"en": "no first attempt in time", "zh": "超时限未首次触达"}[language] in said
    assert {"en": "any supervisor", "zh": "任一主管"}[language] in said


def test_an_alert_is_taken_over_and_closed_with_a_note(found: None, open_page: OpenPage) -> None:
    at = open_page("monitoring", Role.SUPERVISOR)
    box = next(one for one in at.selectbox if (one.key or "").startswith("alert_id"))
    box.set_value(box.options and _first_id(at)).run()
    next(one for one in at.segmented_control if one.key == "alerts_act").set_value("take").run()
    next(one for one in at.text_area if (one.key or "").startswith("take_")).set_value("mine now")
    press(at, "Take over")
    assert [one.value for one in at.success] == ["1 alerts changed."]
    assert "Test supervisor" in words(at)
    next(one for one in at.segmented_control if one.key == "alerts_act").set_value("close").run()
    press(at, "Close with a note")
    assert any("reason" in one.value for one in at.error)
    next(one for one in at.text_area if (one.key or "").startswith("close_")).set_value("the agency called")
    press(at, "Close with a note")
    assert [one.value for one in at.success] == ["1 alerts changed."]
    assert "1 open" in words(at)


def test_a_page_with_nothing_says_so(app: App, open_page: OpenPage) -> None:
    at = open_page("monitoring", Role.MANAGER, query={"alerts_after": "nonsense"})
    assert not at.exception, [error.value for error in at.exception]
    assert "Nothing is found here" in words(at)
    at.query_params["alerts_state"] = "closed"
    at.run()
    assert "Nothing matches these filters" in words(at)


def _first_id(at: AppTest) -> str:
    from ops_app.consoles.kit.context import the_app
    from ops_app.services.casework.monitoring import list_alerts
    from tests.services.casework.casebook import SUPERVISOR

    app = the_app()
    return list_alerts(SUPERVISOR, app.store, now=app.clock.now()).rows[0].alert_id
