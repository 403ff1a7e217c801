"""Agreements in the store: granted through their requests, judged by the ledger, posted, undone, lapsed, told."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ops_app.domain.casework.cases import case_id
from ops_app.domain.casework.requests import CaseRequestKind, ClosedCase
from ops_app.domain.errors import DomainError
from ops_app.domain.ledger.accounts import Component
from ops_app.domain.ledger.agreements import AgreementState, InstalmentState, LapseReason
from ops_app.domain.ledger.events import Cause, EventKind, LedgerEvent, event_id
from ops_app.domain.ledger.waiver_limits import OverTheLimit
from ops_app.domain.money import Money
from ops_app.domain.organisation.approvals import NotCarriedOut
from ops_app.domain.organisation.parameter_values import Value
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.services.casework.cases import read_case
from ops_app.services.casework.requests import withdraw_request
from ops_app.services.casework.waiver_audit import audit_waivers, grant_uncounted, try_agreement, waiver_limits
from ops_app.services.ledger.agreement_judging import AgreementsJudged, judge_agreements
from ops_app.services.ledger.agreement_reading import (
    AgreementFilter,
    AgreementRecord,
    NoSuchAgreement,
    agreements_of_case,
    list_agreements,
    read_agreement,
)
from ops_app.services.ledger.agreements import PlanOverdue
from ops_app.services.ledger.journal import post
from ops_app.store.casework import periods
from ops_app.store.ledger import journal
from ops_app.store.store import Store
from ops_app.store.tables.requests import notices
from tests.services.casework.asking import ZONE, House, ask, decide, seen
from tests.services.casework.casebook import DAY, NOW, WHY, a_debtor, a_spell, assigned, closing, placed, taken_in
from tests.services.organisation.parameters import set_to
from tests.services.organisation.planting import plant

K = CaseRequestKind
ONE, TWO = case_id("SIM", "L1", 1), case_id("SIM", "L2", 1)
S = AgreementState
AUDITOR = Actor("p-aud", "Ada", Role.AUDITOR)


def day(number: int) -> date:
    """So many days after the balance that is agreed on; the first is the day of the grant."""
    return DAY + timedelta(days=number)


@pytest.fixture
def house(store: Store, tmp_path: Path) -> House:
    """Two cases of one debtor with AG01, the first with its caller; the ledger has taken both over."""
    parts = {"principal_minor": 80_000, "interest_minor": 5_000, "fees_minor": 5_000, "penalty_minor": 10_000}
    rows = [a_spell(number, customer_id="C1", balance_minor=100_000, **parts) for number in (1, 2)]
    taken_in(store, tmp_path, *rows, debtors=[a_debtor(1)], in_ledger=False)
    made = House(store)
    placed(store, "AG01", ONE, TWO)
    assigned(store, made.agency, made.caller, ONE)
    for number, one in ((1, ONE), (2, TWO)):
        posted(
            store, "opening", EventKind.OPENING, 0, case=one, loan=f"L{number}", principal=80_000, interest=5_000,
            fees=5_000, penalty=10_000,
        )  # fmt: skip
    return made


def posted(
    store: Store, name: str, kind: EventKind, on: int, minor: int = 0, *, target: str | None = None, case: str = ONE,
    loan: str = "L1", **parts: int,
) -> None:  # fmt: skip
    """An event of the ledger of a case, ``on`` days after the balance."""
    event = LedgerEvent(
        kind, "SIM", loan, "CNY", day(on), Cause.PAYMENT, f"{loan}/{name}", case_id=case, amount_minor=minor,
        parts={Component(part): amount for part, amount in parts.items()},
        target_id=None if target is None else event_id(Cause.PAYMENT, f"{loan}/{target}"),
    )  # fmt: skip
    with store.writing(SYSTEM, NOW) as transaction:
        post(transaction, [event])
        transaction.audit("test.posted", "case", case)


def paid(store: Store, name: str, on: int, minor: int) -> None:
    posted(store, name, EventKind.RECEIPT, on, minor)


def reversed_(store: Store, name: str, on: int, minor: int) -> None:
    posted(store, f"back {name}", EventKind.REVERSAL, on, minor, target=name)


def judged(store: Store, on: int) -> AgreementsJudged:
    return judge_agreements(SYSTEM, store, now=NOW + timedelta(days=on), as_of=day(on))


def waiver(store: Store, folder: Path, house: House, *, grant: bool = True, **form: Any) -> str:
    """Penalty and fees waived if the rest is paid by the tenth day."""
    wanted = {
        "waived_principal_minor": 0, "waived_penalty_minor": 10_000, "waived_fees_minor": 5_000,
        "to_pay_minor": 85_000, "pay_by_date": day(10).isoformat(),
    }  # fmt: skip
    one = ask(store, folder, house.caller, ONE, K.WAIVER, **wanted | form)
    if grant:
        granted(store, house, one)
    return one


def plan(store: Store, folder: Path, house: House, **form: Any) -> str:
    """What is owed in four monthly instalments from the tenth day on."""
    wanted = {"total_minor": 100_000, "instalments": 4, "first_date": day(10).isoformat()}
    one = ask(store, folder, house.caller, ONE, K.INSTALMENT, **wanted | form)
    granted(store, house, one)
    return one


def granted(store: Store, house: House, one: str, *, now: datetime = NOW) -> None:
    """Everybody whose turn it is approves."""
    while (role := seen(store, house.agency, one, now=now).approval.awaited_role) is not None:
        who = {Role.AGENCY_SUPERVISOR: house.agency, Role.SUPERVISOR: house.supervisor, Role.MANAGER: house.manager}
        decide(store, who[role], one, now=now)


def is_now(store: Store, one: str) -> AgreementRecord:
    return read_agreement(AUDITOR, store, now=NOW, agreement_id=one)


def owed(store: Store) -> dict[str, int]:
    with store.reading() as connection:
        state = journal.positions(connection, [ONE])[ONE]
    return {part.value: minor for part, minor in state.owed.items() if minor}


def said(store: Store) -> list[str]:
    with store.reading() as connection:
        return [one.what for one in periods.events(connection, ONE)]


def told(store: Store, who: Actor) -> list[str]:
    with store.reading() as connection:
        rows = connection.execute(select(notices.c.event).where(notices.c.person_id == who.person_id))
        return sorted(one for one in rows.scalars() if one.startswith("lapsed"))


def states(store: Store, one: str) -> list[InstalmentState]:
    return [it.state for it in is_now(store, one).item.instalments]


def test_a_waiver_is_posted_when_its_condition_is_met_and_not_before(
    store: Store, tmp_path: Path, house: House
) -> None:
    one = waiver(store, tmp_path, house, grant=False)
    assert is_now(store, one).item.state is S.REQUESTED
    granted(store, house, one)
    paid(store, "P1", 3, 50_000)
    assert judged(store, 3).fulfilled == 0
    assert sum(owed(store).values()) == 50_000
    assert (is_now(store, one).item.state, is_now(store, one).item.left_minor) == (S.GRANTED, 35_000)
    paid(store, "P2", 10, 35_000)
    assert judged(store, 10).fulfilled == 1
    found = is_now(store, one)
    assert (found.item.state, found.item.met_date, found.item.short_minor) == (S.FULFILLED, day(10), 0)
    assert (found.item.closes_as, found.item.left_minor) == ("settled", 0)
    assert owed(store) == {}  # what was waived is gone whichever component the payments were posted to first
    assert [it.what for it in found.events] == ["grant", "fulfil"]
    assert found.events[-1].ledger_event_id == event_id(Cause.REQUEST, one) == found.item.waiver_event_id
    assert "agreement_fulfilled" in said(store)


def test_a_payment_of_the_day_of_the_grant_counts_and_leaves_nothing_owed(
    store: Store, tmp_path: Path, house: House
) -> None:
    one = waiver(store, tmp_path, house)
    paid(store, "P1", 1, 85_000)
    judged(store, 1)
    assert (is_now(store, one).item.state, owed(store)) == (S.FULFILLED, {})


def test_a_reversed_payment_takes_the_waiver_back_and_the_agreement_lapses_by_its_day(
    store: Store, tmp_path: Path, house: House
) -> None:
    one = waiver(store, tmp_path, house)
    paid(store, "P1", 5, 85_000)
    judged(store, 6)
    reversed_(store, "P1", 8, 85_000)
    assert judged(store, 8).reopened == 1
    assert (is_now(store, one).item.state, owed(store)["penalty"]) == (S.GRANTED, 10_000)
    assert sum(owed(store).values()) == 100_000
    judged(store, 13)
    assert is_now(store, one).item.state is S.GRANTED  # the last day of the grace
    assert judged(store, 14).lapsed == 1
    found = is_now(store, one).item
    assert (found.state, found.lapse_reason, found.lapsed_date) == (S.LAPSED, LapseReason.BROKEN, day(14))
    assert (found.waiver_event_id, found.met_date, found.closes_as) == (None, None, None)
    for who in (house.caller, house.agency):
        assert told(store, who) == ["lapsed_broken"]


def test_the_same_waiver_is_posted_anew_when_it_is_met_again(store: Store, tmp_path: Path, house: House) -> None:
    one = waiver(store, tmp_path, house)
    for name, on in (("P1", 2), ("P2", 4), ("P3", 6)):
        paid(store, name, on, 85_000)
        judged(store, on)
        assert (is_now(store, one).item.state, owed(store)) == (S.FULFILLED, {})
        if name != "P3":
            reversed_(store, name, on + 1, 85_000)
            judged(store, on + 1)
            assert sum(owed(store).values()) == 100_000
    assert is_now(store, one).item.waivers_posted == 3


def test_what_was_paid_in_time_but_known_late_brings_a_lapsed_agreement_back(
    store: Store, tmp_path: Path, house: House
) -> None:
    one = waiver(store, tmp_path, house)
    assert judged(store, 20).lapsed == 1
    paid(store, "P1", 9, 85_000)
    done = judged(store, 20)
    assert (done.reopened, done.fulfilled) == (1, 1)
    assert (is_now(store, one).item.state, owed(store)) == (S.FULFILLED, {})


def test_a_day_that_is_judged_again_changes_nothing_and_an_earlier_one_never_does(
    store: Store, tmp_path: Path, house: House
) -> None:
    one = plan(store, tmp_path, house)
    paid(store, "P1", 10, 25_000)
    judged(store, 12)
    before = is_now(store, one)
    for on in (12, 11, 2, 12):
        assert judged(store, on) == AgreementsJudged()
    assert is_now(store, one) == before


def test_days_judged_one_by_one_or_at_once_and_payments_in_any_order_make_one_end(
    store: Store, tmp_path: Path, house: House
) -> None:
    one = plan(store, tmp_path, house)
    stream = random.Random(26)
    on_days = [10, 42, 71, 90]
    told_on = {f"P{on}": on + stream.randint(0, 3) for on in on_days}
    for on in range(1, 120):
        for name, known in told_on.items():
            if known == on:
                paid(store, name, int(name[1:]), 25_000)
        judged(store, on)
    found = is_now(store, one).item
    other = plan_of_another(store, tmp_path, house)
    for on in reversed(on_days):
        posted(store, f"P{on}", EventKind.RECEIPT, on, 25_000, case=TWO, loan="L2")
    judged(store, 119)
    same = is_now(store, other).item
    assert [(it.state, it.paid_minor) for it in found.instalments] == [
        (it.state, it.paid_minor) for it in same.instalments
    ]
    assert (found.state, found.closes_as, found.met_date) == (same.state, same.closes_as, same.met_date)
    assert (found.state, found.closes_as) == (S.FULFILLED, "settled")


def plan_of_another(store: Store, folder: Path, house: House) -> str:
    form = {"total_minor": 100_000, "instalments": 4, "first_date": day(10).isoformat()}
    one = ask(store, folder, house.agency, TWO, K.INSTALMENT, **form)
    granted(store, house, one)
    return one


def test_a_missed_instalment_ends_the_plan_unless_the_house_lets_one_pass(
    store: Store, tmp_path: Path, house: House
) -> None:
    plant(store, set_to("ledger.plan_missed_most", 1, date(2000, 1, 1)))
    one = plan(store, tmp_path, house)
    assert is_now(store, one).item.next_due_date == day(10)
    paid(store, "P1", 12, 30_000)
    judged(store, 50)  # the second was due on the fortieth
    assert states(store, one) == [
        InstalmentState.KEPT, InstalmentState.PART_KEPT, InstalmentState.DUE, InstalmentState.DUE,
    ]  # fmt: skip
    assert (is_now(store, one).item.missed, is_now(store, one).item.state) == (1, S.GRANTED)
    judged(store, 80)
    found = is_now(store, one).item
    assert (found.state, found.lapse_reason, found.missed) == (S.LAPSED, LapseReason.BROKEN, 2)
    assert states(store, one)[2:] == [InstalmentState.BROKEN, InstalmentState.VOID]
    assert found.next_due_date is None
    assert said(store)[-2:] == ["agreement_lapsed", "re_age_ended"]


def test_a_plan_makes_its_case_young_again_after_so_many_instalments(
    store: Store, tmp_path: Path, house: House
) -> None:
    plant(store, set_to("ledger.plan_re_age_after", 2, date(2000, 1, 1)))
    one = plan(store, tmp_path, house)
    assert is_now(store, one).re_aged == ()
    paid(store, "P1", 10, 25_000)
    judged(store, 11)
    assert is_now(store, one).re_aged == ()
    paid(store, "P2", 38, 25_000)
    assert judged(store, 38).re_aged == 1
    (row,) = is_now(store, one).re_aged
    assert (row.re_aged_date, row.days_past_due, row.bucket, row.ended_date) == (day(38), 1, "M1", None)
    assert "re_aged" in said(store)
    reversed_(store, "P2", 39, 25_000)
    judged(store, 50)
    (row,) = is_now(store, one).re_aged
    assert row.ended_date == day(50)


def test_an_agreement_lapses_when_the_balance_changes_by_more_than_is_allowed(
    store: Store, tmp_path: Path, house: House
) -> None:
    one = plan(store, tmp_path, house)
    posted(store, "A1", EventKind.ACCRUAL, 2, interest=20_000)
    assert judged(store, 2).lapsed == 0
    posted(store, "A2", EventKind.ACCRUAL, 3, interest=1)
    assert judged(store, 3).lapsed == 1
    found = is_now(store, one).item
    assert (found.lapse_reason, told(store, house.caller)) == (
        LapseReason.BALANCE_CHANGED, ["lapsed_balance_changed"],
    )  # fmt: skip
    paid(store, "P1", 3, 100_000)
    assert judged(store, 4).reopened == 0  # that it changed is not taken back


def test_an_agreement_lapses_with_its_case_and_none_is_granted_on_a_closed_one(
    store: Store, tmp_path: Path, house: House
) -> None:
    one = plan(store, tmp_path, house)
    waits = ask(
        store, tmp_path, house.caller, ONE, K.WAIVER, waived_principal_minor=1_000, to_pay_minor=10,
        pay_by_date=day(9).isoformat(),
    )  # fmt: skip
    gone = a_spell(1, customer_id="C1") | closing("sold", day(2)) | {"principal_minor": 0}
    taken_in(store, tmp_path, gone, day=day(2), now=NOW + timedelta(days=1))
    judged(store, 2)
    assert is_now(store, one).item.lapse_reason is LapseReason.CASE_CLOSED
    with pytest.raises(NotCarriedOut) as refused:
        decide(store, house.agency, waits)
    assert isinstance(refused.value.why, ClosedCase)
    assert is_now(store, waits).item.state is S.REQUESTED


def test_a_waiver_without_a_condition_is_posted_with_its_grant(store: Store, tmp_path: Path, house: House) -> None:
    form = {"condition": "none", "waived_principal_minor": 0, "waived_penalty_minor": 10_000}
    one = ask(
        store, tmp_path, house.caller, ONE, K.WAIVER, to_pay_minor=None, pay_by_date=None, **form
    )  # fmt: skip
    granted(store, house, one)
    found = is_now(store, one).item
    assert (found.state, found.closes_as, owed(store).get("penalty")) == (S.FULFILLED, None, None)


def test_a_settlement_plan_waives_the_rest_when_its_last_instalment_came(
    store: Store, tmp_path: Path, house: House
) -> None:
    one = waiver(
        store, tmp_path, house, condition="plan", pay_by_date=None, to_pay_minor=60_000, waived_principal_minor=25_000,
        shape="first_larger", first_minor=30_000, instalments=3, first_date=day(5).isoformat(),
    )  # fmt: skip
    assert [it.amount_minor for it in is_now(store, one).item.instalments] == [30_000, 15_000, 15_000]
    for number, on in enumerate((5, 30, 60)):
        paid(store, f"P{number}", on, 30_000 if number == 0 else 15_000)
        judged(store, on)
    assert (is_now(store, one).item.state, owed(store)) == (S.FULFILLED, {})


def test_a_refused_or_withdrawn_request_leaves_an_agreement_that_says_so(
    store: Store, tmp_path: Path, house: House
) -> None:
    one = waiver(store, tmp_path, house, grant=False)
    decide(store, house.agency, one, "reject")
    assert is_now(store, one).item.state is S.REFUSED
    two = waiver(store, tmp_path, house, grant=False)
    version = seen(store, house.caller, two).approval.version
    withdraw_request(
        house.caller, store, now=NOW, case_request_id=two, expected_version=version, reason=WHY, key="withdrawn"
    )
    found = is_now(store, two).item
    assert (found.state, found.lapse_reason) == (S.LAPSED, LapseReason.WITHDRAWN)


def test_what_was_due_before_anybody_decided_is_not_granted(store: Store, tmp_path: Path, house: House) -> None:
    one = waiver(store, tmp_path, house, grant=False, pay_by_date=day(2).isoformat())
    with pytest.raises(NotCarriedOut) as refused:
        decide(store, house.agency, one, now=NOW + timedelta(days=2))
        decide(store, house.supervisor, one, now=NOW + timedelta(days=2))
    assert isinstance(refused.value.why, PlanOverdue)


def test_an_auditor_grants_without_counting_it_in_performance(store: Store, tmp_path: Path, house: House) -> None:
    one = waiver(store, tmp_path, house, grant=False)
    read = seen(store, house.agency, one).approval
    given = {
        "now": NOW, "case_request_id": one, "expected_version": read.version, "content_hash": read.content_hash,
        "reason": WHY, "key": "uncounted",
    }  # fmt: skip
    assert grant_uncounted(house.agency, store, **given) == grant_uncounted(house.agency, store, **given)
    found = is_now(store, one).item
    assert (found.state, found.is_counted) == (S.UNCOUNTED, False)
    paid(store, "P1", 3, 85_000)
    judged(store, 3)
    reversed_(store, "P1", 4, 85_000)
    judged(store, 4)
    assert is_now(store, one).item.state is S.UNCOUNTED


@pytest.mark.parametrize(
    ("code", "value", "field", "limit"),
    [
        ("ledger.waiver_components", ("fees",), "waived_penalty_minor", "limit of penalty interest"),
        ("ledger.waiver_share_penalty", Decimal("0.9999"), "waived_penalty_minor", "limit of penalty interest"),
        ("ledger.waiver_case_limit", Money(14_999, "CNY"), "waived_principal_minor", "limit of a case"),
        ("ledger.waiver_debtor_limit", Money(14_999, "CNY"), "waived_principal_minor", "limit of a debtor"),
    ],
)
def test_a_limit_is_named_when_it_is_exceeded(
    store: Store, tmp_path: Path, house: House, code: str, value: Value, field: str, limit: str
) -> None:
    plant(store, set_to(code, value, date(2000, 1, 1)))
    with pytest.raises(OverTheLimit, match=limit) as refused:
        waiver(store, tmp_path, house)
    assert refused.value.field == field


def test_a_limit_that_was_narrowed_while_the_request_waited_holds_when_it_is_decided(
    store: Store, tmp_path: Path, house: House
) -> None:
    one = waiver(store, tmp_path, house, grant=False)
    plant(store, set_to("ledger.waiver_case_limit", Money(14_999, "CNY"), date(2000, 1, 1)))
    with pytest.raises(NotCarriedOut) as refused:
        granted(store, house, one)
    assert isinstance(refused.value.why, OverTheLimit)


def test_waivers_of_a_debtor_add_up_over_their_cases_for_a_time_and_lapsed_ones_count_for_nothing(
    store: Store, tmp_path: Path, house: House
) -> None:
    plant(store, set_to("ledger.waiver_debtor_limit", Money(15_000, "CNY"), date(2000, 1, 1)))
    waiver(store, tmp_path, house)

    def of_the_other(now: datetime) -> str:
        return ask(
            store, tmp_path, house.agency, TWO, K.WAIVER, now=now, waived_principal_minor=1, to_pay_minor=1,
            pay_by_date=(now + timedelta(days=9)).date().isoformat(),
        )  # fmt: skip

    with pytest.raises(OverTheLimit, match=r"granted before 150.00 CNY, asked for 0.01"):
        of_the_other(NOW)
    judged(store, 20)  # it lapsed
    assert of_the_other(NOW)


def test_the_desk_shows_what_is_used_of_each_limit_and_what_warns(store: Store, tmp_path: Path, house: House) -> None:
    waiver(store, tmp_path, house)
    two = waiver(
        store, tmp_path, house, grant=False, waived_penalty_minor=0, waived_fees_minor=0, waived_principal_minor=700,
        to_pay_minor=1,
    )  # fmt: skip
    (row,) = audit_waivers(house.supervisor, store, now=NOW).rows
    assert (row.item.case_request_id, set(row.flags)) == (two, {"again", "principal"})
    assert [(it.code, it.before_minor, it.asked_minor) for it in row.uses] == [
        ("case", 15_000, 700), ("debtor", 15_000, 700),
    ]  # fmt: skip
    found = {it.code: it for it in waiver_limits(house.supervisor, store, now=NOW, case_request_id=two)}
    assert (found["penalty"].before_minor, found["principal"].most_minor) == (10_000, 80_000)


def test_trying_an_agreement_says_what_would_be_left_and_changes_nothing(
    store: Store, tmp_path: Path, house: House
) -> None:
    form = {"ground": "hardship", "waived_penalty_minor": 4_000, "to_pay_minor": 90_000,
            "pay_by_date": day(9).isoformat()}  # fmt: skip
    tried = try_agreement(house.caller, store, now=NOW, zone=ZONE, case_id=ONE, kind=K.WAIVER, form=form)
    left = {it.component: it.left_minor for it in tried.parts}
    assert left == {"principal": 80_000, "interest": 5_000, "fees": 5_000, "penalty": 6_000}
    assert [it["amount_minor"] for it in tried.plan] == [90_000]
    assert agreements_of_case(house.caller, store, now=NOW, case_id=ONE) == ()
    with pytest.raises(DomainError):
        try_agreement(house.other, store, now=NOW, zone=ZONE, case_id=ONE, kind=K.WAIVER, form=form)


def test_each_sees_what_is_within_reach_with_totals(store: Store, tmp_path: Path, house: House) -> None:
    one = waiver(store, tmp_path, house)
    plan_of_another(store, tmp_path, house)
    page = list_agreements(house.supervisor, store, now=NOW)
    (total,) = page.totals
    assert (page.total, total.count, total.to_pay_minor, total.waived_minor) == (2, 2, 185_000, 15_000)
    assert list_agreements(house.other, store, now=NOW).rows == ()
    assert [it.agreement_id for it in list_agreements(house.caller, store, now=NOW).rows] == [one]
    with pytest.raises(NoSuchAgreement):
        read_agreement(house.other, store, now=NOW, agreement_id=one)
    due = AgreementFilter(due_from=day(10), due_until=day(11), kind="waiver")
    assert [it.agreement_id for it in list_agreements(house.agency, store, now=NOW, wanted=due).rows] == [one]
    judged(store, 14)
    broken = list_agreements(house.agency, store, now=NOW, wanted=AgreementFilter(broken=True), sort="missed")
    assert broken.total == 2
    assert read_case(house.supervisor, store, now=NOW, case_id=ONE).case.version > 1


def test_a_case_that_the_ledger_has_not_taken_over_is_not_judged(store: Store, tmp_path: Path, house: House) -> None:
    with store.writing(SYSTEM, NOW) as transaction:
        transaction.connection.exec_driver_sql(f"delete from ledger_positions where case_id = '{ONE}'")
        transaction.audit("test.emptied", "case", ONE)
    one = waiver(store, tmp_path, house)
    judged(store, 30)
    assert (is_now(store, one).item.state, is_now(store, one).is_judged) == (S.GRANTED, False)
