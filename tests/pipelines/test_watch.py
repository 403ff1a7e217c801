"""The watch: a feed past its hour and a failed run are announced once, over a real mail server."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from aiosmtpd.controller import Controller

from ops_app.config import Settings
from ops_app.domain.organisation.agencies import AgencyState
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.gateways.notify import MailNotifier, Notifiers
from ops_app.services.organisation import agencies, notifications, runs
from ops_app.services.organisation.demo_organisation import create_demo_organisation
from ops_app.store.organisation import outbox
from pipelines.warehouse import Warehouse
from pipelines.watch import watch
from tests.gateways.test_notify import a_web_server, an_answering_server
from tests.loopback import Mailbox, free_port
from tests.services.organisation.approving import a_person, ask, kinds_of_the_tests

DAY = date(2026, 10, 31)
HALF_PAST_NINE = datetime(2026, 11, 1, 1, 30, tzinfo=UTC)  # 09:30 in Shanghai: the bank file was due at 09:00
operator = Actor("p-op", "Operator", Role.OPERATOR)


@pytest.fixture
def mail():
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield box, Notifiers([MailNotifier(f"smtp://127.0.0.1:{controller.port}", ["ops@example.com"])])
    controller.stop()


def arrived(settings: Settings, *feeds: str, day: date = DAY) -> Warehouse:
    warehouse = Warehouse(settings.warehouse_path)
    with warehouse.open() as connection:
        for feed in feeds:
            connection.execute(
                "insert into raw.files (file_id, file_name, source_code, template, feed, file_date, rows_in,"
                " rows_accepted, rows_quarantined, state) values (?, ?, 'SIM', 'standard', ?, ?, 1, 1, 0, 'accepted')",
                [f"{feed}{day}", f"{feed}.csv", feed, day],
            )
    return warehouse


def announced(app) -> list[str]:
    return [
        one.subject_key for one in notifications.list_notifications(operator, app.store) if one.business_date == DAY
    ]


def test_a_missing_bank_file_is_mailed_once_after_its_hour(app, settings, mail):
    box, ways = mail
    warehouse = arrived(settings, "loans", "repayments", "calls")

    before = watch(app, warehouse, HALF_PAST_NINE - timedelta(hours=1), notifiers=ways)
    assert "SIM/bank_lines" not in announced(app)
    at = watch(app, warehouse, HALF_PAST_NINE, notifiers=ways)
    again = watch(app, warehouse, HALF_PAST_NINE + timedelta(minutes=1), notifiers=ways)

    assert announced(app) == ["SIM/bank_lines"]
    assert (before["failed"], at["sent"], again["sent"]) == (0, 1, 0)
    assert b"bank_lines" in box.mails[-1].content


def test_nothing_is_expected_of_a_source_that_never_sent_anything(app, settings, mail):
    warehouse = Warehouse(settings.warehouse_path)

    assert watch(app, warehouse, HALF_PAST_NINE, notifiers=mail[1])["announced"] == 0


def test_a_killed_run_is_seen_as_failed_and_announced(app, settings, mail):
    start = HALF_PAST_NINE - timedelta(minutes=10)
    runs.start_run(SYSTEM, app.store, now=start, kind="day", business_date=DAY)

    found = watch(app, Warehouse(settings.warehouse_path), HALF_PAST_NINE, notifiers=mail[1])

    assert (found["lost_runs"], found["sent"]) == (1, 1)


def test_an_agency_whose_contract_ended_is_stopped_recalled_from_and_announced_once(app, settings, mail):
    box, ways = mail
    today = HALF_PAST_NINE.astimezone(settings.zone).date()
    create_demo_organisation(SYSTEM, app.store, now=HALF_PAST_NINE, today=today - timedelta(days=20), demo=True)
    warehouse = Warehouse(settings.warehouse_path)

    found = [watch(app, warehouse, HALF_PAST_NINE, notifiers=ways) for _ in range(2)]

    assert [one["sent"] for one in found] == [1, 0]
    assert b"AG03" in box.mails[-1].content
    manager = Actor("p-m", "Manager", Role.MANAGER)
    record = agencies.read_agency(manager, app.store, now=HALF_PAST_NINE, agency_code="AG03", today=today)
    assert record.agency.state is AgencyState.SUSPENDED
    with app.store.reading() as connection:
        assert [one.topic for one in outbox.waiting(connection, 9)] == ["agency.recall_due"]


def test_a_request_for_approval_whose_time_is_over_is_marked(app, settings, mail):
    with kinds_of_the_tests():
        asked = ask(app.store, a_person(app.store, "Maker"), now=HALF_PAST_NINE)
        early = watch(app, Warehouse(settings.warehouse_path), asked.expires_at - timedelta(seconds=1))
        late = watch(app, Warehouse(settings.warehouse_path), asked.expires_at)

    assert (early["expired"], late["expired"]) == (0, 1)


def test_events_that_acts_published_leave_once_to_the_address_that_is_set(app, settings):
    with a_web_server() as (seen, url), kinds_of_the_tests():
        told = replace(app, settings=app.settings.model_copy(update={"events_url": url}))
        asked = ask(app.store, a_person(app.store, "Maker"), now=HALF_PAST_NINE)
        warehouse = Warehouse(settings.warehouse_path)
        found = [watch(one, warehouse, HALF_PAST_NINE) for one in (app, told, told)]

    assert [one["events"] for one in found] == [0, 1, 0]  # without an address they wait
    assert [(one["topic"], one["key"], one["payload"]["event"]) for one in seen] == [
        ("approvals", asked.request_id, "requested")
    ]


def test_a_receiver_that_answers_401_for_a_night_gets_everything_once_and_in_order_afterwards(app, settings):
    answers = [401]
    with an_answering_server(answers) as (seen, url):
        told = replace(app, settings=app.settings.model_copy(update={"events_url": url}))
        warehouse = Warehouse(settings.warehouse_path)
        for key in ("p0", "p1", "p2"):
            with app.store.writing(SYSTEM, HALF_PAST_NINE) as transaction:
                transaction.publish("payments", key, {"key": key})
                transaction.audit("x", "y", "z")
        for minutes in range(0, 12 * 60, 30):
            assert watch(told, warehouse, HALF_PAST_NINE + timedelta(minutes=minutes))["events"] == 0
        assert {one["key"] for one in seen} == {"p0"}  # nothing overtakes what waits
        seen.clear()
        answers[:] = [200]
        morning = HALF_PAST_NINE + timedelta(hours=13)
        assert [watch(told, warehouse, morning)["events"] for _ in range(2)] == [3, 0]

    assert [one["key"] for one in seen] == ["p0", "p1", "p2"]
    assert "message_set_aside" not in {one.kind for one in notifications.list_notifications(operator, app.store)}


def test_what_is_announced_leaves_before_the_events_do(app, settings, mail):
    box, ways = mail
    warehouse = arrived(settings, "loans", "repayments", "calls")
    mails_before_events = []
    with an_answering_server([200], first=lambda: mails_before_events.append(len(box.mails))) as (seen, url):
        told = replace(app, settings=app.settings.model_copy(update={"events_url": url}))
        with app.store.writing(SYSTEM, HALF_PAST_NINE) as transaction:
            transaction.publish("payments", "p0", {})
            transaction.audit("x", "y", "z")
        found = watch(told, warehouse, HALF_PAST_NINE, notifiers=ways)

    assert (found["sent"], found["events"], len(seen)) == (1, 1, 1)
    assert mails_before_events == [1]
