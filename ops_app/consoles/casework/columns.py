"""Columns of lists of cases. What a column looks up it looks up once for the page that is shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from ops_app.consoles.casework.drawn import drawn
from ops_app.consoles.kit import tables
from ops_app.consoles.kit.context import Here
from ops_app.domain.casework.cases import CASE_STATE_NAMES
from ops_app.domain.casework.flags import FLAG_NAMES, Reason
from ops_app.domain.casework.locks import CaseLock
from ops_app.domain.contact.holds import ContactHold
from ops_app.services.casework.cases import Case, Placement
from ops_app.services.casework.following import Deadlines, deadlines, placement_reasons
from ops_app.services.casework.viewing import open_with
from ops_app.services.contact.holding import holds_of
from ops_app.services.ledger.schedules import RecomputedDays, days_of_cases
from ops_app.services.organisation.parameter_catalogue import catalogue

Column = tables.Column[Case]
Row = TypeVar("Row")

SHORT_NUMBER = 12
"""Characters of a case number that a list shows: enough to find the case by. A file and the record have all of it."""


def columns(at: Here) -> tuple[Column, ...]:
    """What a list shows of a case; personal data by its masks alone."""
    t, labels = at.t, at.labels
    return (
        Column("loan", t("cases.loan"), lambda one: one.loan_id),
        Column("debtor", t("cases.debtor"), lambda one: one.name_masked or "–"),
        number(at, lambda one: one),
        Column("balance", t("cases.balance"), lambda one: labels.minor(one.balance_minor, one.currency),
               value=lambda one: labels.figure(one.balance_minor, one.currency), right=True),
        Column("currency", t("cases.currency"), lambda one: one.currency, width="small"),
        Column("dpd", t("cases.days_past_due"), lambda one: labels.count(one.days_past_due), right=True),
        Column("bucket", t("cases.bucket"), lambda one: one.bucket, width="small"),
        days_now(at),
        Column("state", t("cases.state"), lambda one: labels.named(CASE_STATE_NAMES, one.state)),
        Column("agency", t("cases.agency"), lambda one: one.agency_code or "–"),
        Column("collector", t("cases.collector"), lambda one: one.collector_name or "–"),
        Column("flags", t("cases.flags"), lambda one: flags_of(at, one)),
        contact_held(at),
        Column("product", t("cases.product"), lambda one: labels.named(catalogue().products, one.product_code)),
        Column("opened", t("cases.opened"), lambda one: labels.day(one.opened_date)),
    )  # fmt: skip


def number(at: Here, case: Callable[[Row], Case]) -> tables.Column[Row]:
    """The number of a case, as it is searched by."""
    return tables.Column(
        "case", at.t("cases.number"), lambda row: case(row).case_id[:SHORT_NUMBER], lambda row: case(row).case_id
    )


def flags_of(at: Here, one: Case) -> str:
    return at.labels.listing([at.labels.named(FLAG_NAMES, flag) for flag in sorted(one.flags)])


def against_placement(at: Here) -> Column:
    """Every reason why a case cannot be placed now (待委外)."""
    known: dict[str, tuple[Reason, ...]] = {}
    last = drawn()

    def said(one: Case) -> str:
        if one.case_id not in known:
            shown = last.page.rows if last.page is not None and one in last.page.rows else (one,)
            known.update(placement_reasons(at.actor, at.app.store, now=at.now, today=at.today, shown=shown))
        return at.labels.listing([it.zh if at.actor.language == "zh" else it.en for it in known[one.case_id]])

    return Column("against", at.t("cases.against_placement"), said)


def held_open(at: Here) -> Column:
    """Who has a case open, where the reader waits for them."""
    known: dict[str, CaseLock | None] = {}
    last = drawn()

    def said(one: Case) -> str:
        if one.case_id not in known:
            rows = last.page.rows if last.page is not None and one in last.page.rows else (one,)
            ids = [it.case_id for it in rows]
            locks = open_with(at.actor, at.app.store, now=at.now, ids=ids)
            known.update({case_id: locks.get(case_id) for case_id in ids})
        lock = known[one.case_id]
        if lock is None:
            return "–"
        return at.t("cases.open_until", who=lock.held_by_name, until=at.labels.moment(lock.until_at))

    return Column("lock", at.t("cases.open_with"), said)


def contact_held(at: Here) -> Column:
    """Until when contact is held because of a payment."""
    known: dict[str, tuple[ContactHold, ...]] = {}
    last = drawn()

    def said(one: Case) -> str:
        if one.case_id not in known:
            rows = last.page.rows if last.page is not None and one in last.page.rows else (one,)
            ids = [it.case_id for it in rows]
            held = holds_of(at.actor, at.app.store, now=at.now, ids=ids)
            known.update({case_id: held.get(case_id, ()) for case_id in ids})
        found = known[one.case_id]
        if not found:
            return "–"
        if any(it.until_at is None for it in found):
            return at.t("holds.undecided")
        until = max(it.until_at for it in found if it.until_at)
        return at.t("holds.until_day", day=at.labels.day(until.astimezone(at.labels.zone).date()))

    return Column("contact_held", at.t("holds.column"), said)


def days_now(at: Here) -> Column:
    """Days past due and bucket with the payments that are known now, and whose word that is."""
    known: dict[str, RecomputedDays | None] = {}
    last = drawn()

    def said(one: Case) -> str:
        if one.case_id not in known:
            rows = last.page.rows if last.page is not None and one in last.page.rows else (one,)
            ids = [it.case_id for it in rows]
            made = days_of_cases(at.actor, at.app.store, now=at.now, ids=ids)
            known.update({case_id: made.get(case_id) for case_id in ids})
        found = known[one.case_id]
        if found is None:
            return at.t("cases.of_days", days=at.labels.count(one.days_past_due), bucket=one.bucket,
                        source=at.t("cases.of_lender"))  # fmt: skip
        return at.t("cases.of_days", days=at.labels.count(found.now), bucket=found.bucket,
                    source=at.t("cases.of_schedule"))  # fmt: skip

    return Column("days_now", at.t("cases.days_now"), said)


def countdown(at: Here) -> tuple[Column, ...]:
    """By when the agency must try for the first time and again, when the placement of a case ends, and whether that is
    an announced recall."""
    known: dict[str, Deadlines] = {}
    last = drawn()

    def placement(one: Case) -> Placement | None:
        return last.page.placements.get(one.case_id) if last.page is not None else None

    def due(one: Case) -> Deadlines | None:
        its = placement(one)
        if its is None or last.page is None:
            return None
        if one.case_id not in known:
            running = last.page.placements
            placed = [(it, running[it.case_id]) for it in last.page.rows if it.case_id in running]
            known.update(deadlines(at.actor, at.app.store, now=at.now, today=at.today, placed=placed))
        return known[one.case_id]

    def first(one: Case) -> str:
        found = due(one)
        if found is None:
            return "–"
        first_due = found.first_contact_due_at
        return at.t("cases.contacted") if first_due is None else left(at, first_due - at.now)

    def touch(one: Case) -> str:
        found = due(one)
        return left(at, found.touch_due_at - at.now) if found else "–"

    def back(one: Case) -> str:
        its, found = placement(one), due(one)
        if its is None:
            return "–"
        time = left(at, its.due_at - at.now)
        return at.t("cases.left_by_recall", left=time) if found and found.is_recalled else time

    return (
        Column("first_contact", at.t("cases.first_contact_due"), first),
        Column("touch", at.t("cases.touch_due"), touch),
        Column("due", at.t("cases.due"), back),
    )


def left(at: Here, time: timedelta) -> str:
    """Time that is left, in days (hours on the last), or by how much it is over."""
    days = abs(time.days if time.days >= 0 else time.days + 1)
    said = at.labels.days(days) if days else at.labels.duration(abs(time))
    return at.t("cases.left" if time > timedelta(0) else "cases.over", days=said)
