"""The order of the messages of a loan, against a plain model that looks at every message before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ops_app.domain.organisation.message_order import Lines, OpenMessage
from ops_app.domain.organisation.messages import MessageState

NOW = datetime(2026, 3, 10, tzinfo=UTC)


def a_message(number: int, order: int, loan: str, brings: str | None, needs: str | None, due: bool) -> OpenMessage:
    state = MessageState.WAITING if needs is None else MessageState.PARKED
    return OpenMessage(number, "SIM", loan, order, state, NOW if due else NOW + timedelta(seconds=9), brings, needs)


messages = st.lists(
    st.builds(
        a_message, st.integers(0, 10**6), st.integers(0, 5), st.sampled_from("ab"),
        st.sampled_from(["p1", "p2", None]), st.sampled_from(["p1", "p2", None, None]), st.booleans(),
    ),
    max_size=12, unique_by=lambda one: one.number,
)  # fmt: skip


@given(messages)
def test_a_message_goes_when_nothing_but_what_is_parked_is_before_it(given_messages: list[OpenMessage]) -> None:
    heads = Lines(given_messages, NOW).heads(99)
    assert len({one.line for one in heads}) == len(heads)
    by_line = {one.line: one for one in heads}
    for line in {one.line for one in given_messages}:
        mine = sorted((one for one in given_messages if one.line == line), key=lambda one: (one.order_no, one.number))
        may = [
            one
            for place, one in enumerate(mine)
            if one.next_try_at <= NOW and all(it.next_try_at > NOW and it.waits_for for it in mine[:place])
        ]
        assert by_line.get(line) == next(iter(may), None)


@given(messages)
def test_handling_round_by_round_ends_and_leaves_only_what_must_wait(given_messages: list[OpenMessage]) -> None:
    lines, seen = Lines(given_messages, NOW), 0
    while heads := lines.heads(99):
        for one in heads:
            seen += 1
            parked = one.waits_for is not None and one.number % 2 == 0
            left = replace(one, next_try_at=NOW + timedelta(minutes=1)) if parked else None
            lines.settle(one.number, one.line, left)
        assert seen <= 2 * len(given_messages) * len(given_messages) + 1


def test_what_is_parked_is_passed_and_goes_as_soon_as_its_partner_came() -> None:
    reversal = a_message(1, 1, "a", "r1", "p1", False)
    between, partner = a_message(2, 2, "a", "p9", None, True), a_message(3, 3, "a", "p1", None, True)
    lines, order = Lines([partner, between, reversal], NOW), []
    while heads := lines.heads(9):
        order += [one.number for one in heads]
        for one in heads:
            lines.settle(one.number, one.line, None)
    assert order == [2, 3, 1]


def test_what_fails_holds_up_its_loan() -> None:
    failing = a_message(1, 1, "a", "p0", None, False)
    later = [a_message(2, 2, "a", "r", "p1", False), a_message(3, 3, "a", "p1", None, True)]
    assert Lines([failing, *later], NOW).heads(9) == []
