"""Every parameter that is not awaited is truly read: another value makes another outcome."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from ops_app.config import PROJECT_ROOT
from ops_app.domain.casework.personal import PersonalField
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
from ops_app.services.ledger.posting import preview_posting
from ops_app.services.organisation import approvals, exports
from ops_app.services.organisation import export_releasing as releasing
from ops_app.services.organisation.exports import Asked
from ops_app.services.organisation.parameter_catalogue import catalogue
from ops_app.store.casework import periods
from ops_app.store.casework.cases import Case
from ops_app.store.store import Store
from tests.services.casework import casebook, test_limitation, test_pushing
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


def escalated(store: Store, evidence: Path) -> object:
    broken = ledger.a_break(BreakKind.UNMATCHED_LENDER, 10_000, payments=("P1",))
    ledger.applied(store, broken)
    return ledger.applied(store, broken, day=ledger.DAY + timedelta(days=1)).escalated


def placement_rule(read: Callable[[PlacementRules, Case], object]) -> Callable[[Store, Path], object]:
    """What the rules of a placement say of a case that waits to be placed."""

    def outcome(store: Store, evidence: Path) -> object:
        case = casebook.some_cases(store, evidence)[0]
        with store.reading() as connection:
            return read(rules_on(connection, casebook.DAY), casebook.now_is(store, case))

    return outcome


READERS: dict[str, tuple[Value, Callable[[Store, Path], object]]] = {
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
    "ledger.break_age_limit_days": (0, escalated),
    "ledger.posting_order": ("principal_first", posting),
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
