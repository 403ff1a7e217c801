"""A page that stands open is told of what happened to its case, and only of that."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from ops_app.domain.organisation.people import SYSTEM
from ops_app.gateways.changed_cases import ChangedCases, marks_of
from ops_app.services.ledger.repayments import record_payments
from ops_app.store.store import Store
from tests.services.casework.casebook import DAY, NOW, some_cases
from tests.services.ledger.people import a_repayment
from tests.services.ledger.refunding import paid


def test_a_payment_and_a_hold_give_a_case_another_mark_and_leave_the_others_theirs(
    store: Store, tmp_path: Path
) -> None:
    one, other = some_cases(store, tmp_path, 2)
    looked = ChangedCases(store)
    before = looked.marks([one, other])
    assert before == marks_of(store, [one, other])
    assert looked.marks([one, other]) is None  # nothing was written anywhere

    record_payments(SYSTEM, store, now=NOW, rows=[paid("P1", 100, 1)], business_date=DAY)
    after = looked.marks([one, other])
    assert before is not None
    assert after is not None
    assert (after[one] != before[one], after[other]) == (True, before[other])

    early = DAY - timedelta(days=9)  # outside collection: the balance stays, contact is held alike
    late = a_repayment("P2", 100, loan_id="L2", value_date=early, paid_at=NOW)
    record_payments(SYSTEM, store, now=NOW, rows=[late], business_date=DAY)
    assert (looked.marks([one, other]) or {})[other] != before[other]


def test_a_case_that_was_not_asked_for_before_is_looked_at_though_nothing_was_written(
    store: Store, tmp_path: Path
) -> None:
    one, other = some_cases(store, tmp_path, 2)
    looked = ChangedCases(store)
    assert list(looked.marks([one]) or {}) == [one]
    assert looked.marks([other]) is None
    looked.look_at_all()
    assert list(looked.marks([other, "nowhere"]) or {}) == [other]
