"""Notifications over real sockets on loopback: aiosmtpd for mail, the standard library's HTTP server for webhooks."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from aiosmtpd.controller import Controller

from ops_app.config import Settings
from ops_app.gateways.notify import (
    DeliveryFailed,
    EventWebhook,
    MailNotifier,
    Message,
    WebhookNotifier,
    events_of,
    notifiers_of,
)
from ops_app.services.organisation.outbox import Message as Event
from ops_app.services.organisation.outbox import NotSent
from tests.loopback import Mailbox, free_port

LATE = Message("feed_missing", "bank_lines missing", "The bank file has not arrived.", "银行流水尚未到达。")


keys: list[str | None] = []
"""The idempotency keys that the web server was sent."""


@pytest.fixture
def mail_server():
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield box, f"smtp://127.0.0.1:{controller.port}"
    controller.stop()


@contextmanager
def a_web_server():
    """What was posted to it, and its address; a path that is a number is the status it answers."""
    seen = []
    keys.clear()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            seen.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            keys.append(self.headers.get("Idempotency-Key"))
            self.send_response(
                int(self.path.strip("/") or 204)
                if self.path.strip("/").isdigit()
                else 500
                if self.path == "/broken"
                else 204
            )
            self.end_headers()

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield seen, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@contextmanager
def an_answering_server(answers: list[int], first: Callable[[], object] = lambda: None):
    """What was posted to it, and its address; it answers the status that stands in ``answers``, and does ``first``
    before."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            seen.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            first()
            self.send_response(answers[0])
            self.end_headers()

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield seen, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def web_server():
    with a_web_server() as made:
        yield made


def test_a_mail_reaches_every_recipient_in_both_languages(mail_server):
    box, url = mail_server

    MailNotifier(url, ["ops@example.com", "desk@example.com"]).deliver(LATE)

    assert box.mails[0].rcpt_tos == ["ops@example.com", "desk@example.com"]
    import email

    text = email.message_from_bytes(box.mails[0].content).get_payload(decode=True).decode()
    assert LATE.text_en in text
    assert LATE.text_zh in text


def test_a_mail_server_that_is_not_there_is_a_named_failure():
    with pytest.raises(DeliveryFailed, match="mail to"):
        MailNotifier(f"smtp://127.0.0.1:{free_port()}", ["ops@example.com"]).deliver(LATE)


def test_a_webhook_receives_the_message_as_json(web_server):
    seen, url = web_server

    WebhookNotifier(url).deliver(LATE)

    assert seen == [{"kind": "feed_missing", "subject": LATE.subject, "text": {"en": LATE.text_en, "zh": LATE.text_zh}}]


def test_a_webhook_that_answers_500_is_a_named_failure(web_server):
    _, url = web_server

    with pytest.raises(DeliveryFailed, match="webhook"):
        WebhookNotifier(url + "/broken").deliver(LATE)


def test_settings_choose_the_ways_out():
    both = Settings.load(smtp_url="smtp://127.0.0.1:25", notify_to="a@example.com", webhook_url="http://127.0.0.1:1/x")

    assert [type(way).__name__ for way in notifiers_of(both).ways] == ["MailNotifier", "WebhookNotifier"]
    assert notifiers_of(Settings.load()).ways == []
    assert events_of(Settings.load()) is None
    assert events_of(Settings.load(events_url="http://127.0.0.1:1/x")) is not None


EVENT = Event(7, "approvals", "r-1", '{"event": "approve"}', datetime(2026, 3, 1, tzinfo=UTC))


def test_an_event_is_posted_with_its_key_and_content(web_server):
    seen, url = web_server

    EventWebhook(url).send(EVENT)
    EventWebhook(url).send(EVENT)

    assert seen[0] == seen[1]
    assert seen[0] == {
        "id": 7, "topic": "approvals", "key": "r-1", "created_at": "2026-03-01T00:00:00.000000Z",
        "payload": {"event": "approve"},
    }  # fmt: skip
    assert keys == ["recoup-7", "recoup-7"]


@pytest.mark.parametrize(
    ("status", "refused"),
    [(status, True) for status in (400, 409, 410, 413, 415, 422)]
    + [(status, False) for status in (301, 307, 401, 402, 403, 404, 405, 407, 408, 425, 429, 500, 503)],
)
def test_what_a_receiver_answers_says_whether_it_is_tried_again(web_server, status, refused):
    _, url = web_server

    with pytest.raises(NotSent) as failure:
        EventWebhook(f"{url}/{status}").send(EVENT)
    assert failure.value.refused is refused


def test_a_receiver_that_is_not_there_is_tried_again():
    with pytest.raises(NotSent) as failure:
        EventWebhook(f"http://127.0.0.1:{free_port()}").send(EVENT)
    assert not failure.value.refused


def test_the_same_message_has_the_same_key_on_every_way(mail_server, web_server):
    box, mail = mail_server
    _, web = web_server
    one = replace(LATE, key="n-1")

    MailNotifier(mail, ["ops@example.com"]).deliver(one)
    WebhookNotifier(web).deliver(one)

    assert b"Message-ID: <n-1@recoup.invalid>" in box.mails[0].content
    assert keys == ["n-1"]


def test_a_password_is_not_sent_in_clear_to_a_server_that_offers_starttls():
    said = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        connection, _ = listener.accept()
        with connection, connection.makefile("rwb") as stream:
            stream.write(b"220 here\r\n")
            stream.flush()
            for line in stream:
                said.append(line.decode().strip())
                word = line.split()[0].upper()
                answer = b"250-here\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n" if word == b"EHLO" else b"454 not now\r\n"
                stream.write(answer)
                stream.flush()

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    url = f"smtp://someone:secret@127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(DeliveryFailed):
        MailNotifier(url, ["ops@example.com"]).deliver(LATE)
    server.join(5)
    listener.close()
    assert "STARTTLS" in said
    assert not [line for line in said if line.startswith("AUTH")]


def test_an_address_with_its_password_and_token_is_not_logged(web_server, caplog):
    _, url = web_server
    secret = url.replace("http://", "http://me:sesame@") + "/hook?token=open"

    with caplog.at_level(logging.INFO):  # as the server and the pipelines log
        EventWebhook(secret).send(EVENT)
        WebhookNotifier(secret).deliver(LATE)
        with pytest.raises(NotSent):
            EventWebhook(secret.replace("/hook?token=open", "/503")).send(EVENT)

    assert "sesame" not in caplog.text
    assert "token" not in caplog.text
