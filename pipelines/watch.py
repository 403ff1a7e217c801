"""The watch: what is late, what failed, and telling people, once."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from ops_app.bootstrap import App
from ops_app.domain.organisation.people import SYSTEM
from ops_app.gateways.notify import DeliveryFailed, Message, Notifiers, events_of, notifiers_of
from ops_app.services.casework.ending import end_due_placements
from ops_app.services.casework.expiry_recalls import recall_from_expiring
from ops_app.services.casework.monitoring import find_alerts
from ops_app.services.casework.request_escalation import end_requests_left_behind, escalate_late_requests
from ops_app.services.organisation import access_reviews, agency_expiry, notifications, outbox, runs
from ops_app.services.organisation.approvals import expire_requests
from ops_app.services.organisation.notifications import Notification
from pipelines import arrivals
from pipelines.warehouse import Warehouse

FEED_NAMES = {
    "loans": "贷款",
    "repayments": "还款",
    "bank_lines": "银行流水",
    "calls": "通话记录",
    "customers": "客户",
    "contacts": "联系人",
}


def watch(app: App, warehouse: Warehouse, now: datetime, *, notifiers: Notifiers | None = None) -> dict[str, int]:
    """Announce feeds and requests on cases that are past their hour, and runs that failed; stop and recall from
    agencies whose contract expired; begin the review of rights of the quarter and escalate one that is late; bring
    home cases whose placement is over, and look at those that are placed; deliver what is still unsent, and after it,
    for a bounded time, the events that wait (one that is set aside is announced by the next watch).

    ``now`` decides what is late. Requests for approval whose time is over are marked too. Returns counts: lost runs,
    expired requests, announced, sent, failed deliveries, events that left.
    """
    lost = runs.fail_lost_runs(SYSTEM, app.store, now=now)
    expired = expire_requests(SYSTEM, app.store, now=now)
    end_requests_left_behind(SYSTEM, app.store, now=now)
    today = now.astimezone(app.settings.zone).date()
    announced = escalate_late_requests(SYSTEM, app.store, now=now, today=today)
    for day in (today - timedelta(days=2), today - timedelta(days=1)):
        announced += _announce_missing(app, warehouse, day, now)
    announced += _announce_failed_runs(app, now)
    announced += agency_expiry.expire_agencies(SYSTEM, app.store, now=now, today=today).announced
    announced += access_reviews.carry_on_reviews(SYSTEM, app.store, now=now, today=today)
    recall_from_expiring(SYSTEM, app.store, now=now, today=today, zone=app.settings.timezone)
    end_due_placements(SYSTEM, app.store, now=now, today=today)
    find_alerts(SYSTEM, app.store, now=now, today=today)
    ways = notifiers or notifiers_of(app.settings)
    sent = failed = 0
    if ways.ways:
        sent, failed = notifications.deliver_open(SYSTEM, app.store, now=now, deliver=lambda one: _deliver(ways, one))
    receiver = events_of(app.settings)
    events = 0
    if receiver is not None:  # after what people wait for: a slow receiver takes its time
        events = outbox.send_messages(SYSTEM, app.store, now=now, today=today, send=receiver.send).sent
    return {
        "lost_runs": lost, "expired": expired, "announced": announced, "sent": sent, "failed": failed, "events": events,
    }  # fmt: skip


def _announce_missing(app: App, warehouse: Warehouse, day: date, now: datetime) -> int:
    announced = 0
    for feed in arrivals.missing_on(warehouse, app.settings, day, now):
        if not feed.late:
            continue
        due = feed.due_at.astimezone(app.settings.zone)
        name_zh = FEED_NAMES.get(feed.feed, feed.feed)
        announced += notifications.announce(
            SYSTEM,
            app.store,
            now=now,
            kind="feed_missing",
            subject_key=f"{feed.source_code}/{feed.feed}",
            business_date=day,
            text_en=f"{feed.source_code}: the {feed.feed} feed of {day} was due at {due:%Y-%m-%d %H:%M}: missing.",
            text_zh=f"{feed.source_code}:{day} 的{name_zh}数据应于 {due:%Y-%m-%d %H:%M} 到达，至今未到。",
        )
    return announced


def _announce_failed_runs(app: App, now: datetime) -> int:
    announced = 0
    for run in runs.failed_since(SYSTEM, app.store, since=now - timedelta(days=2)):
        announced += notifications.announce(
            SYSTEM,
            app.store,
            now=now,
            kind="run_failed",
            subject_key=run.run_id,
            business_date=run.business_date,
            text_en=f"The run of business date {run.business_date} failed. See Operations.",
            text_zh=f"业务日 {run.business_date} 的运行失败，请查看运维页面。",
        )
    return announced


def _deliver(ways: Notifiers, one: Notification) -> str | None:
    subject = f"Recoup: {one.text_en[:80]}"
    try:
        ways.deliver(Message(one.kind, subject, one.text_en, one.text_zh, one.notification_id))
    except DeliveryFailed as failure:
        return str(failure)
    return None
