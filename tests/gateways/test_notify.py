"""Notifications over real sockets on loopback: aiosmtpd for mail, the standard library's HTTP server for webhooks."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from aiosmtpd.controller import Controller

from ops_app.config import Settings
from ops_app.gateways.notify import DeliveryFailed, MailNotifier, Message, WebhookNotifier, notifiers_of
from tests.loopback import Mailbox, free_port

LATE = Message("feed_missing", "bank_lines missing", "The bank file has not arrived.", "银行流水尚未到达。")


@pytest.fixture
def mail_server():
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield box, f"smtp://127.0.0.1:{controller.port}"
    controller.stop()


@pytest.fixture
def web_server():
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            seen.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(500 if self.path == "/broken" else 204)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield seen, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


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
