"""The page of suspense and refunds: zero rows, an item asked about, a refund on its way, a payout file."""

from __future__ import annotations

from ops_app.bootstrap import App
from ops_app.domain.organisation.people import SYSTEM, Role
from ops_app.services.ledger.refund_reading import list_refunds
from tests.consoles.conftest import OpenPage, words
from tests.services.casework.casebook import NOW
from tests.services.ledger import refunding as on


def test_an_empty_desk_says_what_to_do_in_both_languages(open_page: OpenPage) -> None:
    for role, tab, english, chinese in (
        (Role.FINANCE, "suspense", "Nothing stands in suspense", "目前没有暂收款"),
        (Role.SUPERVISOR, "refunds", "No refund was asked for yet", "尚无退款"),
        (Role.MANAGER, "payouts", "No payout file was made yet", "尚无付款文件"),
    ):
        at = open_page("suspense", role, query={"suspense_tab": tab})
        assert not at.exception, at.exception
        assert english in words(at)
        assert chinese in words(open_page("suspense", role, language="zh", query={"suspense_tab": tab}))


def test_a_refund_is_asked_for_on_the_item_and_shown_on_its_way(app: App, open_page: OpenPage) -> None:
    store, evidence = app.store, app.settings.evidence
    on.overpaid(store, evidence)
    (item,) = on.items(store)
    at = open_page("suspense", Role.SUPERVISOR, query={"suspense_id": item.item_id})
    assert not at.exception, at.exception
    said = words(at)
    assert "the items come to 50.00 CNY, and so does the ledger" in said
    for label, value in (
        ("Payee", "张三丰"), ("Account of the payee", "12"), ("Bank of the payee", "ICBC"), ("Evidence", "letter"),
    ):  # fmt: skip
        next(it for it in at.text_input if it.label == label).set_value(value)
    why = [it for it in at.text_area if it.label == "Reason" and str(it.key).startswith("refund_")]
    why[0].set_value("paid twice")
    at = next(it for it in at.button if it.label == "Ask for a refund").click().run(timeout=300)
    assert "An account has 6 to 34 digits or letters" in words(at)
    next(it for it in at.text_input if it.label == "Account of the payee").set_value("6222020012345678")
    at = next(it for it in at.button if it.label == "Ask for a refund").click().run(timeout=300)
    assert not at.exception, at.exception
    assert "Finance and a manager decide on it" in at.success[0].value
    assert on.held(store) == (5_000, 5_000)
    _, fan, mei = on.a_desk(store)
    (one,) = list_refunds(SYSTEM, store, now=NOW).rows
    refund_id = one.refund_id
    on.approve_all(store, refund_id, fan, mei)
    at = open_page("suspense", Role.FINANCE, query={"suspense_tab": "payouts"})
    assert not at.exception, at.exception
    at = next(it for it in at.button if it.label == "Make the payout file").click().run(timeout=300)
    assert "Payout file 000001 is made" in at.success[0].value
    at = open_page("suspense", Role.AUDITOR, query={"suspense_tab": "refunds", "refunds_id": refund_id})
    assert not at.exception, at.exception
    assert "6222020012345678" not in words(at)
    assert "RFD000001" in words(at)
