"""Messages by REST: signed over their raw bytes, received once for ever, kept as dead letters where they are none."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from ops_app.bootstrap import App, open_app
from ops_app.config import Settings
from ops_app.domain.organisation.people import SYSTEM
from ops_app.domain.organisation.signatures import sign
from ops_app.interfaces.rest import messages as messages_route
from ops_app.services.organisation.message_handling import handle_waiting
from tests.clock import FixedClock
from tests.consoles.gate import behind_the_gate
from tests.services.ledger.messages import a_payment, raw, recorded, states
from tests.services.ledger.people import NOW

OLD, NEW, OTHER = "the old key of SIM!", "the new key of SIM!", "the only key of XJC"


@pytest.fixture
def signed_app(settings: Settings) -> Iterator[App]:
    """An installation that knows two keys of SIM and one of XJC."""
    keys = f"SIM={OLD},SIM={NEW},XJC={OTHER}"
    made = settings.model_copy(update={"message_keys": keys})
    opened = open_app(made, clock=FixedClock(NOW))
    yield opened
    opened.close()


@pytest.fixture
def client(signed_app: App) -> Iterator[TestClient]:
    with TestClient(behind_the_gate(signed_app), base_url="http://testserver", raise_server_exceptions=False) as opened:
        yield opened


def post(client: TestClient, body: bytes, *, key: str = OLD, source: str = "SIM", seconds: int = 0, header: str = ""):
    signature = header or sign(key.encode(), body, NOW + timedelta(seconds=seconds))
    return client.post(
        "/api/v1/messages", content=body, headers={"Recoup-Source": source, "Recoup-Signature": signature}
    )


def test_a_signed_message_is_received_once_and_handled(client: TestClient, signed_app: App) -> None:
    body = raw("m1", a_payment())
    first, again = post(client, body), post(client, body, key=NEW)
    assert (first.status_code, first.json()) == (
        202, {"source_code": "SIM", "message_id": "m1", "state": "waiting"}
    )  # fmt: skip
    assert (again.status_code, again.headers["X-Served-From-Cache"]) == (200, "true")
    handle_waiting(SYSTEM, signed_app.store, now=NOW, limit=10, evidence=signed_app.settings.evidence)
    assert post(client, body).json()["state"] == "done"
    assert recorded(signed_app.store) == ["P1"]
    assert states(signed_app.store) == {"done": 1}


@pytest.mark.parametrize("seconds", [-301, 301])
def test_old_and_future_signatures_are_refused(client: TestClient, signed_app: App, seconds: int) -> None:
    assert post(client, raw("m1", a_payment()), seconds=seconds).status_code == 401
    assert states(signed_app.store) == {}


def test_a_flipped_byte_anywhere_a_missing_and_a_foreign_signature_are_refused_and_logged(
    client: TestClient, signed_app: App, caplog: pytest.LogCaptureFixture
) -> None:
    body = raw("m1", a_payment())
    good = sign(OLD.encode(), body, NOW)
    with caplog.at_level(logging.WARNING, "recoup.security"):
        for place in range(0, len(body), 7):
            changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
            assert post(client, changed, header=good).status_code == 401, place
        for place in range(0, len(good), 5):
            changed_header = good[:place] + ("0" if good[place] != "0" else "1") + good[place + 1 :]
            assert post(client, body, header=changed_header).status_code == 401, changed_header
        assert post(client, body, key=OTHER).status_code == 401
        assert post(client, body, source="XJC").status_code == 401
        assert post(client, body, source="NOBODY").status_code == 401
        assert client.post("/api/v1/messages", content=body).status_code == 401
        reserialised = body.replace(b", ", b",")
        assert post(client, reserialised, header=good).status_code == 401
    assert states(signed_app.store) == {}
    assert "a message was refused" in caplog.text
    assert "key of" not in caplog.text


def test_two_signatures_in_one_header_count_while_a_key_is_exchanged(client: TestClient) -> None:
    body = raw("m1", a_payment())
    both = f"{sign(b'a key that is not known yet', body, NOW)},{sign(NEW.encode(), body, NOW).split(',')[1]}"
    assert post(client, body, header=both).status_code == 202


def test_a_message_replayed_a_year_later_is_refused_and_signed_anew_it_is_a_repetition(
    client: TestClient, signed_app: App
) -> None:
    body = raw("m1", a_payment())
    old = sign(OLD.encode(), body, NOW)
    assert post(client, body).status_code == 202
    assert isinstance(signed_app.clock, FixedClock)
    signed_app.clock.move_to(NOW + timedelta(days=365))
    assert post(client, body, header=old).status_code == 401
    answer = post(client, body, seconds=365 * 86_400)
    assert (answer.status_code, answer.headers["X-Served-From-Cache"]) == (200, "true")
    assert states(signed_app.store) == {"waiting": 1}


def test_other_content_and_no_message_are_dead_letters_that_say_why(client: TestClient, signed_app: App) -> None:
    post(client, raw("m1", a_payment()))
    other = post(client, raw("m1", a_payment(amount=1)))
    assert (other.status_code, other.headers["content-type"]) == (422, "application/problem+json")
    assert "other content" in other.json()["detail"]
    assert "内容不同" in other.json()["detail_zh"]
    assert post(client, b"\xff\x00").status_code == 422
    assert post(client, raw("m2", a_payment(), schema_version=9)).status_code == 422
    assert post(client, raw("m3", a_payment(), source_code="XJC")).status_code == 422
    assert states(signed_app.store) == {"waiting": 1, "dead": 4}


def test_a_body_above_the_limit_is_refused_before_it_is_read(client: TestClient, signed_app: App) -> None:
    assert post(client, b"x" * (256 * 1024 + 1)).status_code == 413
    assert states(signed_app.store) == {}


def test_a_second_request_while_the_first_is_worked_on_is_told_so(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, go_on = threading.Event(), threading.Event()
    real = messages_route.take_in

    def slowly(*given: object, **more: object) -> object:
        entered.set()
        go_on.wait(10)
        return real(*given, **more)

    monkeypatch.setattr(messages_route, "take_in", slowly)
    body, answers = raw("m1", a_payment()), []
    first = threading.Thread(target=lambda: answers.append(post(client, body).status_code))
    first.start()
    assert entered.wait(10)
    second = post(client, body)
    go_on.set()
    first.join(10)
    assert (second.status_code, second.headers["Retry-After"], answers) == (409, "1", [202])


def test_a_key_that_is_none_stops_the_start_without_saying_it(settings: Settings) -> None:
    made = settings.model_copy(update={"message_keys": "SIM=tooshort"})
    app = open_app(made)
    with pytest.raises(ValueError) as said:
        behind_the_gate(app)
    app.close()
    assert "tooshort" not in str(said.value)
    assert "tooshort" not in repr(made)
