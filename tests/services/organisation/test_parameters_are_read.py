"""Every parameter that is not awaited is truly read: another value makes another outcome."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from ops_app.config import PROJECT_ROOT
from ops_app.domain.casework.personal import PersonalField
from ops_app.domain.casework.waivers import COMPONENTS
from ops_app.domain.errors import DomainError
from ops_app.domain.ledger.breaks import BreakKind
from ops_app.domain.money import Money
from ops_app.domain.organisation.exports import ApprovalNeeded
from ops_app.domain.organisation.parameter_values import Value
from ops_app.domain.organisation.people import SYSTEM, Role
from ops_app.services.casework.cases import read_case
from ops_app.services.casework.limitation import list_expiring, read_limitation
from ops_app.services.casework.monitoring import find_alerts
from ops_app.services.casework.placement_rules import PlacementRules, rules_on
from ops_app.services.casework.unmasking import unmask
from ops_app.services.casework.viewing import open_case
from ops_app.services.contact.holding import case_holds
from ops_app.services.ledger import payment_messages
from ops_app.services.ledger.accruing import accrue
from ops_app.services.ledger.agreement_terms import AgreementRules, agreement_rules
from ops_app.services.ledger.closing import ask_override, read_open_period
from ops_app.services.ledger.differences import list_differences
from ops_app.services.ledger.posting import preview_posting
from ops_app.services.ledger.posting_terms import PostingTerms
from ops_app.services.ledger.refund_reading import list_refunds
from ops_app.services.ledger.suspense import list_suspense
from ops_app.services.organisation import approvals, exports
from ops_app.services.organisation import export_releasing as releasing
from ops_app.services.organisation.exports import Asked
from ops_app.services.organisation.parameter_catalogue import catalogue
from ops_app.services.organisation.parameter_reading import in_force
from ops_app.store.casework import periods
from ops_app.store.casework.cases import Case
from ops_app.store.ledger import journal
from ops_app.store.store import Store
from tests.services.casework import casebook, test_limitation, test_pushing
from tests.services.ledger import (
    closed,
    entering,
    messages,
    paying,
    refunding,
    test_claimed_commissions,
    test_closing,
)
from tests.services.ledger import people as ledger
from tests.services.organisation import test_exports
from tests.services.organisation.approving import a_person
from tests.services.organisation.conftest import NOW
from tests.services.organisation.parameters import set_to
from tests.services.organisation.planting import plant

ALWAYS = date(2000, 1, 1)
FEW = Asked("cases", "Cases", {}, 50, "csv", "monthly review")
MANY = Asked("cases", "Cases", {}, 5_000, "csv", "monthly review")


def expiry(store: Store, evidence: Path) -> object:
    maker = a_person(store, "maker", Role.SUPERVISOR)
    number = releasing.request_export(maker, store, now=NOW, asked=MANY).number
    (found,) = approvals.requests_on(maker, store, now=NOW, object_type="export", object_id=number)
    return found.expires_at


def approval_rows(store: Store, evidence: Path) -> object:
    maker = a_person(store, "taker")
    try:
        return exports.record_export(maker, store, now=NOW, asked=FEW).kept_state
    except ApprovalNeeded:
        return "needed"


def link_hours(store: Store, evidence: Path) -> object:
    maker, checker = a_person(store, "maker", Role.SUPERVISOR), a_person(store, "checker", Role.MANAGER)
    one = test_exports.released(store, maker, checker)
    made = exports.finish_export(maker, store, now=NOW, export_id=one.export_id, rows=1_001, sha256="0" * 64, size=1)
    return made.until_at


def intake_days(store: Store, evidence: Path) -> object:
    return test_pushing.push(store, evidence).did


def first_contact(store: Store, evidence: Path) -> object:
    case = casebook.some_cases(store, evidence)[0]
    casebook.placed(store, "AG01", case)
    with store.reading() as connection:
        return periods.running_placements(connection, [case])[case].first_contact_due_at


def unmasked(store: Store, evidence: Path, reason: str, times: int) -> object:
    case = casebook.some_cases(store, evidence)[0]
    try:
        for _ in range(times):
            shown = unmask(
                casebook.SUPERVISOR, store, now=casebook.NOW, case_id=case, field=PersonalField.NAME, reason=reason,
                evidence=evidence,
            )  # fmt: skip
    except DomainError as refused:
        return type(refused)
    return shown


def lock(store: Store, evidence: Path) -> object:
    case = casebook.some_cases(store, evidence)[0]
    open_case(casebook.SUPERVISOR, store, now=casebook.NOW, case_id=case)
    seen = read_case(casebook.ALLOCATION, store, now=casebook.NOW, case_id=case).lock
    return seen and seen.until_at


def clock(store: Store, evidence: Path) -> object:
    case = test_limitation.old_cases(store, evidence)[0]
    test_limitation.interrupted(store, case, casebook.DAY)
    return read_limitation(casebook.SUPERVISOR, store, now=casebook.NOW, case_id=case).clock


def warning(store: Store, evidence: Path) -> object:
    test_limitation.old_cases(store, evidence)
    return len(list_expiring(casebook.SUPERVISOR, store, now=casebook.NOW).rows)


def posting(store: Store, evidence: Path) -> object:
    rows = [casebook.a_spell(1, balance_minor=200, principal_minor=100, fees_minor=100)]
    casebook.taken_in(store, evidence, *rows)
    return preview_posting(
        casebook.SUPERVISOR, store, now=casebook.NOW, case_id=rows[0]["case_id"], amount_minor=60
    ).parts


def terms(store: Store, evidence: Path) -> object:
    with store.reading() as connection:
        return PostingTerms(in_force(connection)).of_receipt(None, None, casebook.DAY, 95)


def write_off_terms(store: Store, evidence: Path) -> object:
    with store.reading() as connection:
        return PostingTerms(in_force(connection)).of_write_off(None, None, casebook.DAY)


def message_tries(store: Store, evidence: Path) -> object:
    messages.taken(store, messages.raw("m1", messages.a_payment()))
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(payment_messages, "record_payments", None)
        messages.handled(store, evidence)
    return messages.message(store, "m1").state


def parked_messages(store: Store, evidence: Path) -> object:
    messages.taken(store, messages.raw("m1", messages.a_reversal("P1")))
    messages.handled(store, evidence)
    messages.handled(store, evidence, after=timedelta(hours=2))
    return messages.message(store, "m1").state


def unmatched_payments(store: Store, evidence: Path) -> object:
    casebook.placed(store, "AG01", casebook.some_cases(store, evidence)[0])
    broken = ledger.a_break(BreakKind.UNMATCHED_LENDER, 10_000, payments=("P1",))
    ledger.applied(store, broken, day=casebook.NOW.date(), now=casebook.NOW)
    return find_alerts(SYSTEM, store, now=casebook.NOW, today=casebook.NOW.date()).found


def shown_untried(store: Store, evidence: Path) -> object:
    case = casebook.some_cases(store, evidence)[0]
    casebook.placed(store, "AG01", case)
    her = casebook.a_collector(store, "hers", "AG01")
    casebook.assigned(store, casebook.AG1, her, case)
    unmask(
        her, store, now=casebook.NOW, case_id=case, field=PersonalField.NAME, reason="called back", evidence=evidence
    )
    later = casebook.NOW + timedelta(days=1)
    return find_alerts(SYSTEM, store, now=later, today=later.date()).found


def held_until(store: Store, evidence: Path, *, matched: bool) -> object:
    case = casebook.some_cases(store, evidence, 1)[0]
    paying.opened(store, case)
    paying.came_in(store, (paying.paid("P1", 500), case if matched else None))
    (held,) = case_holds(SYSTEM, store, now=casebook.NOW + timedelta(hours=9), case_id=case)
    return held.until_at or held.due_at


def escalated(store: Store, evidence: Path) -> object:
    broken = ledger.a_break(BreakKind.UNMATCHED_LENDER, 10_000, payments=("P1",))
    ledger.applied(store, broken)
    return ledger.applied(store, broken, day=ledger.DAY + timedelta(days=1)).escalated


def late_suspense(store: Store, evidence: Path) -> object:
    refunding.overpaid(store, evidence)
    later = casebook.NOW + timedelta(days=3)
    return len(list_suspense(SYSTEM, store, now=later, overdue=True).rows)


def late_payouts(store: Store, evidence: Path) -> object:
    sue, fan, mei = refunding.a_desk(store)
    refunding.overpaid(store, evidence)
    refunding.approve_all(store, refunding.asked(store, sue, evidence), fan, mei)
    refunding.a_file(store, fan, evidence)
    later = casebook.NOW + timedelta(days=2)
    return len(list_refunds(SYSTEM, store, now=later, overdue=True).rows)


def placement_rule(read: Callable[[PlacementRules, Case], object]) -> Callable[[Store, Path], object]:
    """What the rules of a placement say of a case that waits to be placed."""

    def outcome(store: Store, evidence: Path) -> object:
        case = casebook.some_cases(store, evidence)[0]
        with store.reading() as connection:
            return read(rules_on(connection, casebook.DAY), casebook.now_is(store, case))

    return outcome


def claimed(store: Store, evidence: Path) -> object:
    """What is found of a claim that lies 0.50 above what the contract gives."""
    house = test_claimed_commissions.reckoned(store, evidence)
    test_claimed_commissions.taken(house, test_claimed_commissions.a_row("1", 2_050))
    return test_claimed_commissions.findings(house)


def agreement_rule(read: Callable[[AgreementRules, Case], object]) -> Callable[[Store, Path], object]:
    """What the rules of waivers and plans say of a case."""

    def outcome(store: Store, evidence: Path) -> object:
        case = casebook.some_cases(store, evidence)[0]
        with store.reading() as connection:
            return read(agreement_rules(connection, casebook.NOW), casebook.now_is(store, case))

    return outcome


def accruing(code: str) -> Callable[[Store, Path], object]:
    """What a case accrues until a day, with terms for all but the parameter that is tried."""

    def outcome(store: Store, evidence: Path) -> object:
        terms = {"ledger.accrual": "recoup_accrues", "ledger.interest_rate": "0.17", "ledger.penalty_rate": "0.05"}
        for name, value in terms.items():
            if name != code:
                plant(store, set_to(name, value, ALWAYS))
        case = casebook.some_cases(store, evidence, 1, in_ledger=False)[0]
        entering.taken_over(store, case, date(2026, 11, 1), principal=1_000_000)
        accrue(SYSTEM, store, now=casebook.NOW, business_date=date(2026, 11, 20))
        with store.reading() as connection:
            return journal.positions(connection, [case])[case].owed

    return outcome


def waiver_limit(store: Store, evidence: Path) -> object:
    return agreement_rule(lambda rules, one: rules.limits(one))(store, evidence)


def close_age(store: Store, evidence: Path) -> object:
    closed.november(store, evidence)
    test_closing.an_old_break(store)
    finance, _ = closed.two_people(store)
    found = read_open_period(finance, store, now=closed.NOW)
    return found.checks if found else None


def override_time(store: Store, evidence: Path) -> object:
    closed.november(store, evidence)
    test_closing.a_difference(store)
    finance, manager = closed.two_people(store)
    asked = ask_override(
        finance, store, now=closed.NOW, first_date=closed.FIRST, check_name="differences_settled", reason="known",
        key="k",
    )  # fmt: skip
    closed.approved(store, manager, asked)
    found = read_open_period(finance, store, now=closed.NOW)
    return found.overrides[0].until_at if found else None


def overdue_differences(store: Store, evidence: Path) -> object:
    finance, _ = closed.two_people(store)
    return list_differences(finance, store, now=casebook.NOW).overdue_before


READERS: dict[str, tuple[Value, Callable[[Store, Path], object]]] = {
    "ledger.commission_tolerance": (49, claimed),
    "organisation.approval_expiry_days": (2, expiry),
    "organisation.export_approval_rows": (10, approval_rows),
    "organisation.export_link_hours": (2, link_hours),
    "organisation.unmask_reason_length": (30, lambda store, evidence: unmasked(store, evidence, "called back", 1)),
    "organisation.unmask_daily_limit": (1, lambda store, evidence: unmasked(store, evidence, "called back", 2)),
    "casework.case_lock_minutes": (3, lock),
    "casework.intake_days_past_due": (13, intake_days),
    "casework.first_contact_hours": (5, first_contact),
    "casework.minimum_placement_amount": (
        Money(90_000_000, "CNY"),
        placement_rule(lambda rules, one: rules.exclusions(one)),
    ),
    "casework.placement_exclusions": (("dispute",), placement_rule(lambda rules, one: rules.criteria(one))),
    "casework.placement_term_days": (30, placement_rule(lambda rules, one: rules.term_days(one))),
    "casework.recall_notice_days": (3, placement_rule(lambda rules, one: rules.notice_days(one))),
    "casework.tail_window_days": (9, placement_rule(lambda rules, one: rules.tail_days(one))),
    "casework.touch_days": (5, placement_rule(lambda rules, one: rules.touch(one))),
    "casework.unmatched_payment_days": (0, unmatched_payments),
    "casework.shown_untried_cases": (1, shown_untried),
    "casework.limitation_years": (7, clock),
    "casework.limitation_interruptions": (("suit",), clock),
    "casework.limitation_warning_days": (2, warning),
    "ledger.waiver_components": (("fees",), waiver_limit),
    **{f"ledger.waiver_share_{part}": (Decimal("0.5"), waiver_limit) for part in COMPONENTS},
    "ledger.waiver_case_limit": (Money(1, "CNY"), waiver_limit),
    "ledger.waiver_debtor_limit": (Money(1, "CNY"), waiver_limit),
    "ledger.waiver_period_days": (7, waiver_limit),
    "ledger.plan_grace_days": (7, agreement_rule(lambda rules, one: rules.grace_days(one))),
    "ledger.plan_missed_most": (2, agreement_rule(lambda rules, one: rules.missed_most(one))),
    "ledger.plan_business_days": ("next", agreement_rule(lambda rules, one: rules.due_days(one))),
    "ledger.plan_re_age_after": (3, agreement_rule(lambda rules, one: rules.re_age_after(one))),
    "ledger.agreement_balance_change": (Decimal("0.5"), agreement_rule(lambda rules, one: rules.tolerance_minor(one))),
    "ledger.break_age_limit_days": (0, escalated),
    "ledger.posting_order": ("principal_first", posting),
    "ledger.posting_order_late": ("principal_first", terms),
    "ledger.posting_order_late_days": (96, terms),
    "ledger.posting_order_written_off": ("costs_first", terms),
    "ledger.sender_parts": ("recompute", terms),
    "ledger.write_off_method": ("direct", write_off_terms),
    "ledger.message_tries": (1, message_tries),
    "ledger.message_parked_hours": (1, parked_messages),
    "contact.resume_after_payment": (3, lambda store, evidence: held_until(store, evidence, matched=True)),
    "contact.hold_decision_days": (9, lambda store, evidence: held_until(store, evidence, matched=False)),
    "ledger.accrual": ("recoup_accrues", accruing("ledger.accrual")),
    "ledger.accrual_day_count": ("actual_365", accruing("ledger.accrual_day_count")),
    "ledger.interest_rate": (Decimal("0.2"), accruing("ledger.interest_rate")),
    "ledger.penalty_rate": (Decimal("0.03"), accruing("ledger.penalty_rate")),
    "ledger.annual_rate_cap": (Decimal("0.1"), accruing("ledger.annual_rate_cap")),
    "ledger.accrual_cap_share": (Decimal("0.001"), accruing("ledger.accrual_cap_share")),
    "ledger.close_age_days": (60, close_age),
    "ledger.override_hours": (2, override_time),
    "ledger.difference_age_days": (30, overdue_differences),
    "ledger.suspense_age_limit_days": (0, late_suspense),
    "ledger.payout_wait_days": (0, late_payouts),
}
"""Parameter → another value, and what its reader makes."""


@pytest.mark.parametrize("code", READERS)
def test_another_value_makes_another_outcome(
    code: str, sqlite_url: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    value, outcome = READERS[code]
    found = []
    for planted in (False, True):
        store = Store.open(f"sqlite:///{tmp_path_factory.mktemp('store') / 'ops.db'}")
        store.migrate()
        if planted:
            plant(store, set_to(code, value, ALWAYS))
        found.append(outcome(store, tmp_path / f"evidence{planted}"))
        store.close()
    assert found[0] != found[1]


def test_no_parameter_that_is_set_on_the_page_goes_untried() -> None:
    read = {one.code for one in catalogue().definitions.values() if not one.awaited and one.held_in is None}
    assert read == set(READERS)


def test_a_parameter_that_is_held_in_a_file_is_found_in_that_file() -> None:
    for one in catalogue().definitions.values():
        if one.held_in is not None:
            text = (PROJECT_ROOT / one.held_in).read_text(encoding="utf-8")
            name = one.code.partition(".")[2]
            assert name in text or name.rstrip("s") in text, one.code


def test_a_value_counts_on_its_own_day_and_not_before(store: Store, tmp_path: Path) -> None:
    plant(store, set_to("organisation.export_approval_rows", 10, casebook.NOW.date() + timedelta(days=2)))
    assert approval_rows(store, tmp_path) != "needed"
    later = NOW + timedelta(days=2)
    with pytest.raises(ApprovalNeeded):
        exports.record_export(a_person(store, "other"), store, now=later, asked=FEW)
