"""Balances, instalments, customers and contacts as messages: by the intake of files, in order, stale ones change
nothing, what tells of a person is sealed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ops_app.domain.casework.cases import debtor_key
from ops_app.domain.casework.personal import Personal
from ops_app.domain.organisation.messages import Channel, MessageState
from ops_app.domain.organisation.people import SYSTEM
from ops_app.services.casework.intake import key_of
from ops_app.services.organisation.message_deciding import retry_messages
from ops_app.services.organisation.message_intake import Delivery, take_in
from ops_app.services.organisation.message_reading import message_figures
from ops_app.store.casework import debtor_parts, debtors
from ops_app.store.casework.debtors import DebtorData
from ops_app.store.casework.keys import NoKey, PersonalKey
from ops_app.store.store import Store
from ops_app.store.tables.casework import cases, debtor_details
from ops_app.store.tables.casework import debtors as debtor_table
from ops_app.store.tables.journal import ledger_differences
from ops_app.store.tables.ledger import loan_instalments
from ops_app.store.tables.messages import inbound_messages
from ops_app.store.tables.organisation import audit_log
from tests.services.ledger.messages import OPERATOR, a_loan, handled, message, raw, states
from tests.services.ledger.people import DAY, NOW

LOAN = {"kind": "loan"}
PHONE = "13900001111"


def day(days: int = 0) -> str:
    return (DAY + timedelta(days=days)).isoformat()


def a_balance(principal: int = 50_000, **other: Any) -> dict[str, Any]:
    return {
        "source_code": "SIM", "loan_id": "L1", "as_of_date": day(), "currency": "CNY",
        "outstanding_principal_minor": principal, "outstanding_interest_minor": 0, "outstanding_fees_minor": 0,
        "outstanding_penalty_minor": 0, "days_past_due": 13, **other,
    }  # fmt: skip


def a_schedule(*instalments: dict[str, Any], **other: Any) -> dict[str, Any]:
    return {
        "source_code": "SIM", "loan_id": "L1", "as_of_date": day(), "currency": "CNY",
        "instalments": list(instalments), **other,
    }  # fmt: skip


def an_instalment(number: int = 1, status: str = "overdue", **other: Any) -> dict[str, Any]:
    return {"instalment_no": number, "due_date": day(-12), "status": status, "principal_minor": 900,
            "interest_minor": 100, **other}  # fmt: skip


def a_customer(name: str = "张三", **other: Any) -> dict[str, Any]:
    return {"source_code": "SIM", "customer_id": "C1", "as_of_date": day(), "name": name, "national_id": "110101X",
            **other}  # fmt: skip


def a_contact(value: str = PHONE, contact_id: str = "K1", **other: Any) -> dict[str, Any]:
    return {"contact_id": contact_id, "kind": "mobile", "value": value, **other}


def contacts(*some: dict[str, Any], **other: Any) -> dict[str, Any]:
    return {"source_code": "SIM", "customer_id": "C1", "as_of_date": day(), "contacts": list(some), **other}


def of_customer(message_id: str, kind: str, body: dict[str, Any], sequence: int) -> bytes:
    text = raw(message_id, body, sequence, kind=kind, customer_id=body.get("customer_id", "C1"))
    return text.replace(b'"loan_id": "L1", ', b"", 1)


def sent(store: Store, evidence: Path, *raws: bytes) -> None:
    take_in(SYSTEM, store, now=NOW, deliveries=[Delivery(one, Channel.REST) for one in raws], evidence=evidence)
    handled(store, evidence)


def outcomes(store: Store, *ids: str) -> list[str | None]:
    return [message(store, one).outcome or message(store, one).why for one in ids]


def personal(store: Store, evidence: Path) -> Personal:
    with store.reading() as connection:
        sealed = debtors.sealed(connection, debtor_key("SIM", "C1"))
    assert sealed is not None
    return PersonalKey.load(evidence).open(debtor_key("SIM", "C1"), sealed)


def test_a_balance_goes_through_the_intake_and_the_daily_check_shows_what_differs(store: Store, tmp_path: Path) -> None:
    sent(store, tmp_path, raw("l", a_loan(as_of_date=day(-1)), 1, **LOAN))
    sent(store, tmp_path, raw("b", a_balance(40_000), 2, kind="balance"))
    assert outcomes(store, "l", "b") == ["opened", "updated"]
    with store.reading() as connection:
        case = connection.execute(select(cases.c.principal_minor, cases.c.days_past_due, cases.c.as_of_date)).one()
        (differs,) = connection.execute(select(ledger_differences)).all()
    assert tuple(case) == (40_000, 13, DAY)
    assert (differs.component, differs.ledger_minor, differs.feed_minor) == ("principal", 50_000, 40_000)


def test_a_stale_balance_a_repetition_and_one_of_no_loan_in_collection_change_nothing(
    store: Store, tmp_path: Path
) -> None:
    one = raw("b1", a_balance(), 2, kind="balance")
    sent(store, tmp_path, raw("l", a_loan(as_of_date=day(-1)), 1, **LOAN), one, one)
    sent(store, tmp_path, raw("b2", a_balance(1, as_of_date=day(-5)), 3, kind="balance"))
    sent(store, tmp_path, raw("b3", a_balance(loan_id="L2"), 1, kind="balance", loan_id="L2"))
    assert outcomes(store, "b1", "b2", "b3") == ["updated", "superseded", "not_in_collection"]
    with store.reading() as connection:
        assert connection.execute(select(cases.c.principal_minor)).scalars().all() == [50_000]
    assert states(store) == {"done": 4}


def test_messages_of_every_kind_of_a_loan_go_in_its_order(store: Store, tmp_path: Path) -> None:
    sent(
        store, tmp_path,
        raw("i", a_schedule(an_instalment()), 3, kind="instalments"),
        raw("b", a_balance(), 2, kind="balance"),
        raw("l", a_loan(as_of_date=day(-1)), 1, **LOAN),
    )  # fmt: skip
    assert outcomes(store, "l", "b", "i") == ["opened", "updated", "entered"]


def test_a_schedule_is_entered_corrected_and_never_overwritten_by_an_older_one(store: Store, tmp_path: Path) -> None:
    sent(store, tmp_path, raw("l", a_loan(), 1, **LOAN))
    paid = an_instalment(2, "paid", due_date=day(-40))
    waived = an_instalment(3, "waived", paid_principal_minor=5)
    sent(store, tmp_path, raw("i1", a_schedule(an_instalment(), paid, waived), 2, kind="instalments"))
    sent(store, tmp_path, raw("i2", a_schedule(an_instalment(), paid, waived), 3, kind="instalments"))
    sent(store, tmp_path, raw("i3", a_schedule(an_instalment(paid_principal_minor=400)), 4, kind="instalments"))
    sent(store, tmp_path, raw("i4", a_schedule(an_instalment(), as_of_date=day(-1)), 5, kind="instalments"))
    assert outcomes(store, "i1", "i2", "i3", "i4") == ["entered", "unchanged", "updated", "superseded"]
    c = loan_instalments.c
    with store.reading() as connection:
        rows = connection.execute(select(c.number, c.due_minor, c.paid_minor).order_by(c.number)).all()
    assert [tuple(row) for row in rows] == [(1, 1000, 400), (2, 1000, 1000), (3, 5, 5)]


def test_a_customer_and_contacts_are_entered_sealed_and_in_the_order_of_the_customer(
    store: Store, tmp_path: Path
) -> None:
    sent(store, tmp_path, raw("l", a_loan(), 1, **LOAN))
    others = a_contact("13700000000", "K0", relation="spouse"), a_contact("13600000000", "K9", valid=False)
    sent(
        store, tmp_path,
        of_customer("k", "contacts", contacts(a_contact("0101234", "K2", kind="landline"), a_contact(), *others), 2),
        of_customer("c", "customer", a_customer(language="zh"), 1),
    )  # fmt: skip
    assert outcomes(store, "c", "k") == ["updated", "updated"]
    assert personal(store, tmp_path) == Personal("张三", "110101X", (PHONE, "0101234"))
    with store.reading() as connection:
        everything = str(
            [
                connection.execute(select(table)).all()
                for table in (inbound_messages, debtor_table, debtor_details, debtor_parts.debtor_parts, audit_log)
            ]
        )
    for told in ("张三", PHONE, "110101X"):
        assert told not in everything


def test_an_older_day_of_a_customer_overwrites_nothing_whichever_way_it_comes(store: Store, tmp_path: Path) -> None:
    sent(store, tmp_path, raw("l", a_loan(), 1, **LOAN))
    sent(store, tmp_path, of_customer("c1", "customer", a_customer("新名"), 1))
    sent(store, tmp_path, of_customer("c2", "customer", a_customer("旧名", as_of_date=day(-3)), 2))
    sent(store, tmp_path, of_customer("c3", "customer", a_customer("新名"), 3))
    assert outcomes(store, "c1", "c2", "c3") == ["updated", "superseded", "unchanged"]
    _by_file(store, tmp_path, "文件旧名", (PHONE,), days=-1)
    assert personal(store, tmp_path) == Personal("新名", "110101X", (PHONE,)), "the contacts of the file count"
    _by_file(store, tmp_path, "文件", (PHONE,), days=0)
    assert personal(store, tmp_path).name == "文件", "the file of the day counts when it comes"
    sent(store, tmp_path, of_customer("c4", "customer", a_customer("更旧", as_of_date=day(-1)), 4))
    assert (outcomes(store, "c4"), personal(store, tmp_path).name) == (["superseded"], "文件")


def _by_file(store: Store, evidence: Path, name: str, phones: tuple[str, ...], days: int) -> None:
    on = DAY + timedelta(days=days)
    row = DebtorData(debtor_key("SIM", "C1"), "SIM", "C1", Personal(name, None, phones), None, None, str(days), on, on)
    with store.writing(SYSTEM, NOW) as transaction:
        key = key_of(transaction, evidence)
        debtors.put(transaction.connection, key, debtor_parts.settled(transaction.connection, key, [row]))
        transaction.audit("intake.applied", "intake", day(), after={})


def test_a_customer_who_came_before_the_loan_is_there_when_the_case_opens(store: Store, tmp_path: Path) -> None:
    sent(store, tmp_path, of_customer("c", "customer", a_customer(), 1))
    sent(store, tmp_path, of_customer("k", "contacts", contacts(a_contact()), 2))
    assert outcomes(store, "c", "k") == ["kept", "kept"]
    sent(store, tmp_path, raw("l", a_loan(), 1, **LOAN))
    assert personal(store, tmp_path) == Personal("张三", "110101X", (PHONE,))


@pytest.mark.parametrize(
    "wrong",
    [
        raw("m", a_balance(outstanding_principal_minor=-1), 1, kind="balance"),
        raw("m", a_schedule(), 1, kind="instalments"),
        raw("m", a_schedule(an_instalment(), an_instalment()), 1, kind="instalments"),
        raw("m", a_schedule(an_instalment(), as_of_date="2027-01-01"), 1, kind="instalments"),
        of_customer("m", "customer", a_customer(more=PHONE), 1),
        of_customer("m", "customer", a_customer(as_of_date="2027-01-01"), 1),
        of_customer("m", "contacts", contacts(a_contact("")), 1),
        raw("m", a_customer(), 1, kind="customer"),
    ],
)
def test_what_is_wrong_is_a_dead_letter_that_repeats_no_personal_datum(
    store: Store, tmp_path: Path, wrong: bytes
) -> None:
    sent(store, tmp_path, wrong)
    assert states(store) == {"dead": 1}
    with store.reading() as connection:
        everything = str(connection.execute(select(inbound_messages)).all())
    for told in ("张三", PHONE, "110101X"):
        assert told not in everything


def test_other_content_under_the_id_of_a_sealed_message_is_seen_and_it_is_replayed_by_its_key(
    store: Store, tmp_path: Path
) -> None:
    one = of_customer("c", "customer", a_customer(), 1)
    sent(store, tmp_path, one, one, of_customer("c", "customer", a_customer("李四"), 1))
    assert states(store) == {"done": 1, "dead": 1}
    dead = message(store, "c", 1)
    assert dead.why == "other_content"
    chosen, why = {dead.number: dead.version}, "the lender confirmed it by telephone"
    with pytest.raises(NoKey):
        retry_messages(OPERATOR, store, now=NOW, chosen=chosen, reason=why, key="k1")
    retry_messages(OPERATOR, store, now=NOW, chosen=chosen, reason=why, key="k2", evidence=tmp_path)
    handled(store, tmp_path)
    assert states(store) == {"done": 2}
    assert message_figures(OPERATOR, store, now=NOW).counts[MessageState.DONE] == 2


def test_a_personal_message_is_refused_where_nothing_can_seal_it(store: Store) -> None:
    with pytest.raises(NoKey):
        take_in(
            SYSTEM, store, now=NOW, deliveries=[Delivery(of_customer("c", "customer", a_customer(), 1), Channel.REST)]
        )
    assert states(store) == {}
