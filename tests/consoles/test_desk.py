"""The repayment-audit desk: what it shows, what it decides, and how it refuses."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from ops_app.bootstrap import App
from ops_app.consoles.kit import tables
from ops_app.domain.ledger.breaks import BreakKind, BreakMove, BreakState, break_id
from ops_app.domain.organisation.people import Role
from ops_app.services.ledger import reconciliation as desk
from tests.consoles.conftest import OpenPage, SignedInAs, words
from tests.consoles.planted import plant_breaks

LENDER = break_id(BreakKind.UNMATCHED_LENDER, "SIM", ["PAY-0000001"], [])
BANK = break_id(BreakKind.UNMATCHED_BANK, "SIM", [], ["LINE-0000001"])


def choose_move(at: AppTest, move: BreakMove) -> None:
    control = next(one for one in at.segmented_control if (one.key or "").startswith("move_"))
    control.set_value(move.value).run()
    assert not at.exception


def submit(at: AppTest, reason: str) -> None:
    at.text_area[0].set_value(reason)
    at.form_submit_button[0].click().run()
    assert not at.exception, [error.value for error in at.exception]


def read(app: App, signed_in: SignedInAs, identity: str) -> desk.BreakRecord:
    _, auditor = signed_in(Role.AUDITOR)
    return desk.read_break(auditor, app.store, now=app.clock.now(), break_id=identity)


def test_the_desk_is_calm_when_nothing_is_broken(open_page: OpenPage) -> None:
    at = open_page("repayment_audit", Role.SUPERVISOR)
    assert not at.exception
    assert "No open break" in words(at)
    assert not at.form_submit_button


def test_a_page_of_many_breaks_holds_only_its_rows(app: App, open_page: OpenPage) -> None:
    plant_breaks(app, 2_500, now=app.clock.now())
    at = open_page("repayment_audit", Role.SUPERVISOR)
    assert not at.exception
    assert len(at.dataframe[0].value) == 50
    assert "1–50 of 2,500" in words(at)
    second = open_page("repayment_audit", Role.MANAGER, query={"breaks_page": "50"})
    assert "2,451–2,500 of 2,500" in words(second)
    beyond = open_page("repayment_audit", Role.FINANCE, query={"breaks_page": "9999"})
    assert not beyond.exception
    assert "2,451–2,500 of 2,500" in words(beyond)


def test_filters_in_the_address_narrow_the_list_and_nonsense_is_ignored(app: App, open_page: OpenPage) -> None:
    plant_breaks(app, 4, now=app.clock.now(), bank=3)
    at = open_page("repayment_audit", Role.SUPERVISOR, query={"breaks_kind": "unmatched_bank"})
    assert "1–3 of 3" in words(at)
    odd = {"breaks_kind": "drop table", "breaks_sort": "x", "breaks_age": "-1", "breaks_page": "-5"}
    at = open_page("repayment_audit", Role.MANAGER, query=odd)
    assert not at.exception
    assert "1–7 of 7" in words(at)


def test_both_sides_stand_beside_each_other_and_payers_are_masked(app: App, open_page: OpenPage) -> None:
    plant_breaks(app, 2, now=app.clock.now(), bank=2)
    text = words(open_page("repayment_audit", Role.SUPERVISOR, query={"breaks_id": LENDER}))
    assert "PAY-0000001" in text
    assert "There is no bank line." in text
    assert "张**" in text
    assert "张小明" not in text
    assert "6222020011112222" not in text


def test_parking_needs_a_reason_and_is_told_with_its_history(
    app: App, open_page: OpenPage, signed_in: SignedInAs
) -> None:
    plant_breaks(app, 2, now=app.clock.now())
    at = open_page("repayment_audit", Role.SUPERVISOR, query={"breaks_id": LENDER})
    choose_move(at, BreakMove.PARK)
    submit(at, "no")
    assert "Please give a reason" in at.error[0].value
    assert at.text_area[0].value == "no"
    submit(at, "waits for the bank")
    assert "parked in suspense" in at.success[0].value
    found = read(app, signed_in, LENDER)
    assert found.item.state is BreakState.PARKED
    assert [said.reason for said in found.history] == ["waits for the bank"]
    assert "waits for the bank" in words(at)


def test_a_payment_is_matched_with_its_bank_line(app: App, open_page: OpenPage, signed_in: SignedInAs) -> None:
    plant_breaks(app, 2, now=app.clock.now(), bank=2)
    at = open_page("repayment_audit", Role.SUPERVISOR, query={"breaks_id": LENDER})
    choose_move(at, BreakMove.MATCH)
    offered = at.multiselect[0]
    wanted = next(one for one in offered.options if "LINE-0000001" in one)
    assert not [one for one in offered.options if "L0000000" in one]
    offered.set_value([wanted])
    submit(at, "same payer, same amount")
    assert not at.error, [error.value for error in at.error]
    assert read(app, signed_in, LENDER).item.state is BreakState.MATCHED


def test_sides_that_differ_are_refused_beside_the_field(app: App, open_page: OpenPage, signed_in: SignedInAs) -> None:
    plant_breaks(app, 2, now=app.clock.now(), bank=1)
    at = open_page("repayment_audit", Role.SUPERVISOR, query={"breaks_id": LENDER})
    choose_move(at, BreakMove.MATCH)
    at.multiselect[0].set_value(list(at.multiselect[0].options)[:1])
    submit(at, "looks alike to me")
    assert "The two sides differ by 0.01 CNY" in at.error[0].value
    at.checkbox[0].check()
    submit(at, "one cent of rounding")
    assert not at.error
    assert read(app, signed_in, LENDER).item.state is BreakState.MATCHED


def test_a_break_that_somebody_else_decided_meanwhile_is_not_decided_again(
    app: App, open_page: OpenPage, signed_in: SignedInAs
) -> None:
    plant_breaks(app, 2, now=app.clock.now())
    at = open_page("repayment_audit", Role.SUPERVISOR, query={"breaks_id": LENDER})
    choose_move(at, BreakMove.PARK)
    at.text_area[0].set_value("mine")
    _, other = signed_in(Role.FINANCE)
    item = read(app, signed_in, LENDER).item
    desk.reject_break(
        other,
        app.store,
        now=app.clock.now(),
        break_id=LENDER,
        expected_version=item.version,
        reason="a duplicate",
        key="k",
    )
    at.form_submit_button[0].click().run()
    assert not at.exception
    assert desk.read_break(other, app.store, now=app.clock.now(), break_id=LENDER).item.state is BreakState.REJECTED


def test_those_who_may_only_look_are_offered_no_decision(app: App, open_page: OpenPage) -> None:
    plant_breaks(app, 2, now=app.clock.now())
    at = open_page("repayment_audit", Role.AUDITOR, query={"breaks_id": LENDER})
    assert not at.form_submit_button
    assert "supervisors and finance decide" in words(at)


def test_a_link_to_a_break_that_is_not_there_is_answered_in_words(app: App, open_page: OpenPage) -> None:
    plant_breaks(app, 1, now=app.clock.now())
    at = open_page("repayment_audit", Role.SUPERVISOR, query={"breaks_id": "f" * 64})
    assert not at.exception
    assert "There is no such break." in at.error[0].value


def test_every_row_of_a_list_is_exported_and_no_more_than_the_limit() -> None:
    rows = [str(number) for number in range(1_234)]

    def fetch(wanted: tables.Wanted) -> tuple[list[str], int]:
        return rows[wanted.offset : wanted.offset + wanted.limit], len(rows)

    listing: tables.Listing[str] = tables.Listing(
        name="x", title="x", columns=(), row_id=str, fetch=fetch, default_sort="a"
    )
    wanted = tables.Wanted({}, "a", False, 50, 0)
    assert list(tables.all_rows(listing, wanted, 10_000)) == rows
    assert list(tables.all_rows(listing, wanted, 777)) == rows[:777]


def _record_with_a_link() -> None:
    """A page whose list has one row selected, and whose record has a link to another."""
    from types import SimpleNamespace

    import streamlit as st

    from ops_app.consoles.kit.desk import choose_among, follow

    here = SimpleNamespace(actor=SimpleNamespace(language="en"), t=lambda key, **_: key)
    selected = st.session_state.get("selected", ["one"])
    chosen = choose_among(
        here, "case", ["one", "two"], selected, row_id=str, label="Open", show=str  # type: ignore[arg-type]
    )  # fmt: skip
    st.text(f"open: {chosen}")
    st.button("to three", on_click=follow, args=("case", str(chosen), "three"))


def test_a_link_of_a_record_leads_on_although_its_row_is_selected_until_another_row_is() -> None:
    at = AppTest.from_function(_record_with_a_link).run()

    def opened() -> str:
        assert not at.exception, [error.value for error in at.exception]
        return at.text[0].value

    assert opened() == "open: one"
    at.button[0].click().run()
    assert opened() == "open: three"
    at.run()
    assert opened() == "open: three"
    at.session_state["selected"] = ["two"]
    at.run()
    assert opened() == "open: two"
    at.session_state["selected"] = ["one"]
    at.run()
    assert opened() == "open: one"
