"""Notifications out: mail by SMTP and JSON by webhook; each delivery either happened or says why not."""

from __future__ import annotations

import json
import logging
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Protocol
from urllib.parse import urlsplit

import httpx

from ops_app.config import Settings
from ops_app.domain.canonical import moment_text
from ops_app.services.organisation.outbox import Message as Event
from ops_app.services.organisation.outbox import NotSent

# at INFO it logs every address whole, and a password or a token may stand in one
logging.getLogger("httpx").setLevel(logging.WARNING)


@dataclass(frozen=True)
class Message:
    """What is announced, in both languages."""

    kind: str
    subject: str
    text_en: str
    text_zh: str
    key: str = ""
    """The same each time this message is sent: by it a receiver drops what came twice. Empty: there is none."""


class DeliveryFailed(Exception):
    """The message did not leave; a later try may clear it."""


class Notifier(Protocol):
    """Anything that can deliver a message to the people of the installation."""

    def deliver(self, message: Message) -> None:
        """Deliver, or raise ``DeliveryFailed``."""


class MailNotifier:
    """Mail by SMTP; STARTTLS where the server offers it."""

    def __init__(self, url: str, recipients: Sequence[str], *, sender: str = "recoup@localhost") -> None:
        parts = urlsplit(url)
        if parts.scheme != "smtp" or not parts.hostname:
            raise ValueError(f"RECOUP_SMTP_URL must look like smtp://host:port, not {url!r}")
        self._host, self._port = parts.hostname, parts.port or 25
        self._user, self._password = parts.username, parts.password
        self._recipients = list(recipients)
        self._sender = sender

    def deliver(self, message: Message) -> None:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = self._sender, ", ".join(self._recipients), message.subject
        if message.key:
            mail["Message-ID"] = f"<{message.key}@recoup.invalid>"
        mail.set_content(f"{message.text_en}\n\n{message.text_zh}\n")
        try:
            with smtplib.SMTP(self._host, self._port, timeout=15) as server:
                server.ehlo()  # only then it is known what the server offers
                if server.has_extn("starttls"):
                    server.starttls(context=ssl.create_default_context())
                if self._user and self._password:
                    server.login(self._user, self._password)
                server.send_message(mail)
        except (OSError, smtplib.SMTPException) as error:
            raise DeliveryFailed(f"mail to {self._host}:{self._port}: {type(error).__name__}") from error


class WebhookNotifier:
    """A JSON POST to one address."""

    def __init__(self, url: str) -> None:
        self._url = url

    def deliver(self, message: Message) -> None:
        body = {
            "kind": message.kind,
            "subject": message.subject,
            "text": {"en": message.text_en, "zh": message.text_zh},
        }
        try:
            headers = {"Idempotency-Key": message.key} if message.key else {}
            httpx.post(self._url, json=body, headers=headers, timeout=15).raise_for_status()
        except httpx.HTTPError as error:
            raise DeliveryFailed(f"webhook: {type(error).__name__}") from error


class EventWebhook:
    """Events of the outbox by JSON POST to one address, each with a key by which the receiver drops what came twice.

    Only an answer that is about the message itself refuses it. Every other one (a token that expired, an address that
    moved, a fault) would be given to any message: all wait, in order, until it is put right.
    """

    _REFUSALS = frozenset({400, 409, 410, 413, 415, 422})

    def __init__(self, url: str) -> None:
        self._url = url

    def send(self, message: Event) -> None:
        """Send, or raise ``NotSent``."""
        body = {
            "id": message.id,
            "topic": message.topic,
            "key": message.key,
            "created_at": moment_text(message.created_at),
            "payload": json.loads(message.payload_json),
        }
        try:
            answer = httpx.post(self._url, json=body, headers={"Idempotency-Key": f"recoup-{message.id}"}, timeout=15)
        except httpx.HTTPError as error:
            raise NotSent(f"events: {type(error).__name__}") from error
        if not answer.is_success:
            raise NotSent(f"events: answered {answer.status_code}", refused=answer.status_code in self._REFUSALS)


class Notifiers:
    """Every way that is set up; a message counts as sent only when all of them took it."""

    def __init__(self, ways: Sequence[Notifier]) -> None:
        self.ways = list(ways)

    def deliver(self, message: Message) -> None:
        for way in self.ways:
            way.deliver(message)


def notifiers_of(settings: Settings) -> Notifiers:
    """The ways that the settings name; none is a valid choice, and the operations page then shows the messages only."""
    ways: list[Notifier] = []
    if settings.smtp_url and settings.notify_to:
        ways.append(MailNotifier(settings.smtp_url, [a.strip() for a in settings.notify_to.split(",")]))
    if settings.webhook_url:
        ways.append(WebhookNotifier(settings.webhook_url))
    return Notifiers(ways)


def events_of(settings: Settings) -> EventWebhook | None:
    """Where events go; ``None`` where the settings name no receiver, and then they wait."""
    return EventWebhook(settings.events_url) if settings.events_url else None
