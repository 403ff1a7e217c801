"""An outside key has one effect, whatever the order, the repetition or the number of clients."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select

from ops_app.domain.canonical import canonical_json, content_hash, key_hash
from ops_app.domain.errors import Conflict
from ops_app.domain.organisation.people import SYSTEM
from ops_app.store.store import Claim, SameKeyOtherContent, Store, UnauditedChange
from ops_app.store.tables import organisation as t

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


def post(store: Store, key: str, body: dict[str, object], *, source: str = "SIM") -> Claim:
    """One delivery: claim, one effect, audit, answer, publish; all in one act."""
    with store.writing(SYSTEM, NOW) as transaction:
        claim = transaction.claim(source, key, content_hash(body), body)
        if not claim.is_new:
            return claim
        transaction.connection.execute(
            insert(t.parameters).values(
                name=f"effect:{source}:{key}",
                value_json=canonical_json(body),
                changed_at=NOW,
                changed_by="x",
                version=1,
            )
        )
        transaction.audit("payment.recorded", "payment", f"{source}/{key}", after=body)
        transaction.answer(source, key, {"accepted": key, "amount": body["amount"]})
        transaction.publish("payments", key, body)
        return claim


def count(store: Store, table) -> int:
    with store.reading() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def counts(store: Store) -> tuple[int, ...]:
    return tuple(count(store, table) for table in (t.inbox, t.parameters, t.audit_log, t.outbox))


def test_a_repeated_key_gets_the_stored_answer_and_changes_nothing(store: Store) -> None:
    assert post(store, "p1", {"amount": "10.00", "loan": "L1"}).is_new
    again = post(store, "p1", {"loan": "L1", "amount": "10.00"})
    assert (again.state, again.answer) == ("repeated", {"accepted": "p1", "amount": "10.00"})
    assert counts(store) == (1, 1, 1, 1)


def test_the_same_key_with_other_content_names_what_differs(store: Store) -> None:
    post(store, "p1", {"amount": "10.00", "loan": "L1", "currency": "CNY"})
    other = post(store, "p1", {"amount": "11.00", "loan": "L1", "payer": "x"})
    assert (other.state, other.differs) == ("conflict", ("amount", "currency", "payer"))
    with pytest.raises(SameKeyOtherContent, match="amount, currency, payer") as refusal:
        other.refuse_conflict()
    assert isinstance(refusal.value, Conflict)
    assert refusal.value.field == "amount"
    assert "内容不同" in refusal.value.zh
    assert counts(store) == (1, 1, 1, 1)


def test_where_no_fields_were_kept_the_body_differs(store: Store) -> None:
    for body_hash, state, differs in (("a", "new", ()), ("b", "conflict", ("body",)), ("a", "repeated", ())):
        with store.writing(SYSTEM, NOW) as transaction:
            claim = transaction.claim("SIM", "p1", body_hash)
            if claim.is_new:
                transaction.audit("x", "y", "z")
        assert (claim.state, claim.differs) == (state, differs)


def test_the_same_key_of_two_sources_is_two_things(store: Store) -> None:
    assert post(store, "p1", {"amount": "1"}, source="A").is_new
    assert post(store, "p1", {"amount": "2"}, source="B").is_new


def test_a_claim_without_an_audit_row_is_refused(store: Store) -> None:
    with pytest.raises(UnauditedChange, match="inbox"), store.writing(SYSTEM, NOW) as transaction:
        transaction.claim("SIM", "p1", "hash")
    assert counts(store) == (0, 0, 0, 0)


def test_a_message_without_an_audit_row_is_refused(store: Store) -> None:
    with pytest.raises(UnauditedChange, match="outbox"), store.writing(SYSTEM, NOW) as transaction:
        transaction.publish("payments", "p1", {})


def test_an_act_that_fails_leaves_its_key_free(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.writing(SYSTEM, NOW) as transaction:
        transaction.claim("SIM", "p1", "hash")
        transaction.publish("payments", "p1", {})
        _ = 1 // 0
    assert counts(store) == (0, 0, 0, 0)
    assert post(store, "p1", {"amount": "1"}).is_new


def test_an_answer_is_given_once_and_only_to_a_claimed_key(store: Store) -> None:
    with pytest.raises(LookupError), store.writing(SYSTEM, NOW) as transaction:
        transaction.answer("SIM", "unclaimed", {})
    post(store, "p1", {"amount": "1"})
    with pytest.raises(LookupError), store.writing(SYSTEM, NOW) as transaction:
        transaction.answer("SIM", "p1", {"other": True})


def test_of_many_clients_with_the_same_keys_one_has_an_effect(store_url: str) -> None:
    """Eight clients, each with its own store, deliver the same forty keys; two of them with another amount."""
    clients = [Store.open(store_url) for _ in range(8)]

    def deliver(client: int) -> list[tuple[str, Claim]]:
        keys = [f"p{(number * 7 + client * 5) % 40}" for number in range(40)]
        amount = "2" if client >= 6 else "1"
        return [(key, post(clients[client], key, {"amount": amount})) for key in keys]

    with ThreadPoolExecutor(8) as pool:
        answers = [pair for found in pool.map(deliver, range(8)) for pair in found]
    for client in clients[1:]:
        client.close()
    assert Counter(claim.state for _, claim in answers)["new"] == 40
    assert sorted(key for key, claim in answers if claim.is_new) == sorted(f"p{n}" for n in range(40))
    assert counts(clients[0]) == (40, 40, 40, 40)
    stored = {key: claim.answer["amount"] for key, claim in answers if claim.state == "repeated"}
    for key, claim in answers:
        if claim.state == "repeated":
            assert claim.answer == {"accepted": key, "amount": stored[key]}
        if claim.state == "conflict":
            assert claim.differs == ("amount",)
    clients[0].close()


def test_the_audit_chain_of_concurrent_clients_has_no_gap_and_no_fork(store_url: str) -> None:
    clients = [Store.open(store_url) for _ in range(4)]

    def act(client: int) -> None:
        for number in range(15):
            with clients[client].writing(SYSTEM, NOW) as transaction:
                transaction.audit("x", "y", f"{client}/{number}")
                transaction.audit("x", "y", f"{client}/{number}/again")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(act, range(4)))
    with clients[0].reading() as connection:
        rows = connection.execute(select(t.audit_log.c.seq, t.audit_log.c.object_id).order_by(t.audit_log.c.seq)).all()
    for client in clients:
        client.close()
    assert [row.seq for row in rows] == list(range(1, 121))
    pairs = zip(rows[::2], rows[1::2], strict=True)
    assert all(second.object_id == f"{first.object_id}/again" for first, second in pairs), "an act's rows are together"


def test_messages_of_one_key_leave_in_order(store: Store) -> None:
    for number in range(3):
        with store.writing(SYSTEM, NOW) as transaction:
            transaction.publish("payments", "p1", {"number": number})
            transaction.audit("x", "y", "z")
    with store.reading() as connection:
        rows = connection.execute(select(t.outbox).where(t.outbox.c.sent_at.is_(None)).order_by(t.outbox.c.id)).all()
    assert [row.payload_json for row in rows] == [f'{{"number":{number}}}' for number in range(3)]


DELIVERY = st.tuples(st.sampled_from("abc"), st.sampled_from("123"))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(DELIVERY, max_size=12))
def test_any_sequence_of_deliveries_agrees_with_a_dictionary(store: Store, deliveries: list[tuple[str, str]]) -> None:
    run = key_hash(str(counts(store)), str(deliveries))[:8]  # keys of this example, new to the store
    before = counts(store)
    first: dict[str, str] = {}
    for key, amount in deliveries:
        claim = post(store, f"{run}-{key}", {"amount": amount})
        if key not in first:
            first[key] = amount
            expected = "new"
        else:
            expected = "repeated" if first[key] == amount else "conflict"
        assert claim.state == expected
        if expected == "repeated":
            assert claim.answer["amount"] == first[key]
    assert counts(store) == tuple(number + len(first) for number in before)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
    max_leaves=8,
)


def shuffled(value: object) -> object:
    if isinstance(value, dict):
        return {name: shuffled(item) for name, item in reversed(value.items())}
    return [shuffled(item) for item in value] if isinstance(value, list) else value


@given(JSON, JSON)
def test_equal_values_and_only_they_have_equal_hashes(one: object, other: object) -> None:
    assert content_hash(shuffled(one)) == content_hash(one)
    same = canonical_json(one) == canonical_json(other)
    assert (content_hash(one) == content_hash(other)) == same
    if same:
        assert one == other


@given(st.lists(st.text(max_size=3), max_size=4), st.lists(st.text(max_size=3), max_size=4))
def test_parts_of_a_key_do_not_run_into_each_other(one: list[str], other: list[str]) -> None:
    assert (key_hash(*one) == key_hash(*other)) == (one == other)


@pytest.mark.parametrize("value", [1.5, float("nan"), b"x", object(), datetime(2026, 1, 1)])  # noqa: DTZ001
def test_what_has_no_one_spelling_is_not_hashed(value: object) -> None:
    with pytest.raises(TypeError):
        content_hash({"value": value})
