"""The page of messages: what is behind, why, and what a person decides; in both languages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from ops_app.bootstrap import App
from ops_app.domain.organisation.people import SYSTEM, Role
from ops_app.services.organisation.message_consumer import hold_consumer_lease
from ops_app.services.organisation.message_handling import handle_waiting
from tests.consoles.conftest import OpenPage, words
from tests.services.ledger.messages import a_payment, a_reversal, message, raw, states, taken


@pytest.fixture
def inbox(app: App) -> App:
    """One payment done, one reversal parked, one message refused by a rule, one that cannot be read."""
    now = app.clock.now()
    good, early = raw("good", a_payment()), raw("early", a_reversal("P9", loan_id="L9"))
    refused = raw("refused", a_payment("P3", "L3", amount=0))
    taken(app.store, good, early, refused, b"\xff", now=now)
    handle_waiting(SYSTEM, app.store, now=now, limit=10, evidence=app.settings.evidence)
    hold_consumer_lease(SYSTEM, app.store, now=now, holder="h", broker="nats://h:1", trouble=None)
    return app


def field(at: AppTest, kind: str, name: str):
    return next(one for one in at.get(kind) if f".{name}." in (one.key or ""))


def press(at: AppTest, label: str) -> AppTest:
    next(one for one in at.button if one.label == label).click().run()
    assert not at.exception, [error.value for error in at.exception]
    return at


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ("not readable", "dead letter", "refused by a rule", "nats://h:1", "2 messages")),
        ("zh", ("无法解析", "死信", "规则不接受", "消息队列", "共 2 条报文")),
    ],
)
def test_dead_letters_stand_first_with_their_reason_and_the_lag_above(
    inbox: App, open_page: OpenPage, language: str, said: tuple[str, ...]
) -> None:
    at = open_page("messages", Role.OPERATOR, language=language)
    assert not at.exception, [error.value for error in at.exception]
    seen = words(at)
    for one in (*said, "refused", "SIM"):
        assert one in seen, one
    lags = at.dataframe[0].value
    assert list(lags["source"]) == ["SIM", "unnamed"]
    assert list(lags["parked"]) == ["1", "0"]
    assert "10000" not in seen
    assert "10,000" not in seen


@pytest.mark.parametrize("state", ["waiting", "parked", "done", "dead", "given_up"])
def test_every_state_has_its_list(inbox: App, open_page: OpenPage, state: str) -> None:
    at = open_page("messages", Role.SUPERVISOR, query={"messages_state": state})
    assert not at.exception, [error.value for error in at.exception]
    assert ("early" in words(at)) == (state == "parked")
    assert ("good" in words(at)) == (state == "done")


def test_a_dead_letter_is_given_up_and_a_parked_message_is_tried_again_with_a_reason(
    inbox: App, open_page: OpenPage
) -> None:
    number = message(inbox.store, "refused").number
    at = open_page("messages", Role.OPERATOR, query={"messages_id": str(number)})
    assert "amount" in words(at)
    field(at, "selectbox", "what").select("give_up")
    press(at, "Do it")
    assert states(inbox.store)["given_up"] == 0, "a reason is needed"
    field(at, "text_area", "reason").set_value("the lender withdrew it by letter")
    press(at, "Do it")
    assert "1 messages were given up" in words(at)
    assert states(inbox.store)["given_up"] == 1
    early = message(inbox.store, "early")
    at = open_page("messages", Role.SUPERVISOR, query={"messages_id": str(early.number), "messages_state": "parked"})
    assert "P9" in words(at)
    field(at, "selectbox", "what").select("retry")
    field(at, "text_area", "reason").set_value("the payment came by file")
    press(at, "Do it")
    assert "tried again now" in words(at)
    assert message(inbox.store, "early").version == early.version + 1


def test_what_cannot_be_read_offers_no_retry(inbox: App, open_page: OpenPage) -> None:
    with_hash = next(n for n in range(1, 9) if message(inbox.store, "", n - 1).why == "unreadable")
    number = message(inbox.store, "", with_hash - 1).number
    at = open_page("messages", Role.OPERATOR, query={"messages_id": str(number)})
    assert field(at, "selectbox", "what").options == ["give it up"]
    assert "cannot be tried again" in words(at)


def test_somebody_elses_decision_meanwhile_is_said(inbox: App, open_page: OpenPage) -> None:
    one = message(inbox.store, "refused")
    at = open_page("messages", Role.OPERATOR, query={"messages_id": str(one.number)})
    other = open_page("messages", Role.SUPERVISOR, query={"messages_id": str(one.number)})
    for page, what in ((other, "give_up"), (at, "retry")):
        field(page, "selectbox", "what").select(what)
        field(page, "text_area", "reason").set_value("it was put right")
        press(page, "Do it")
    assert "meanwhile" in words(at)


def test_an_empty_inbox_says_what_to_do_and_a_silent_consumer_is_red(app: App, open_page: OpenPage) -> None:
    at = open_page("messages", Role.OPERATOR)
    assert "/api/v1/messages" in words(at)
    assert "recoup consume" in words(at)

    def said(ago: int, trouble: str | None) -> list[str]:
        then = app.clock.now() - timedelta(minutes=ago)
        hold_consumer_lease(SYSTEM, app.store, now=then, holder="h", broker="embedded", trouble=trouble)
        at.run()
        return [error.value for error in at.error]

    assert any("has said nothing since" in one for one in said(3, None))
    assert any("broker: gone" in one for one in said(0, "broker: gone"))
    assert said(0, None) == []


def test_a_loan_and_an_unknown_message(inbox: App, open_page: OpenPage) -> None:
    at = open_page("messages", Role.OPERATOR, query={"messages_loan": "L3", "messages_id": "999"})
    assert not at.exception, [error.value for error in at.exception]
    assert "1 messages" in words(at)
    assert any("no such message" in error.value for error in at.error)
