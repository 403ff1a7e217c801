"""Messages: once whatever the repetition, in the order of each loan, nothing dropped silently, on both stores."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from ops_app.domain.errors import Conflict, Invalid, Refused
from ops_app.domain.organisation.messages import Channel, MessageKind, MessageState, WhyHeld
from ops_app.domain.organisation.people import SYSTEM, Actor
from ops_app.services.ledger import payment_messages
from ops_app.services.organisation import message_handling, message_kinds
from ops_app.services.organisation.message_consumer import end_consumer_lease, hold_consumer_lease
from ops_app.services.organisation.message_deciding import give_up_messages, retry_messages
from ops_app.services.organisation.message_intake import Delivery, StoreTrouble, take_in
from ops_app.services.organisation.message_reading import (
    MessageFilter,
    NoSuchMessage,
    list_messages,
    message_figures,
    read_message,
)
from ops_app.services.organisation.notifications import list_notifications
from ops_app.services.organisation.verify_messages import verify_messages
from ops_app.store.store import Store
from ops_app.store.tables.ledger import payments
from ops_app.store.tables.messages import inbound_messages, message_arrivals
from ops_app.store.tables.organisation import audit_log
from tests.services.ledger.messages import (
    OPERATOR,
    a_loan,
    a_payment,
    a_reversal,
    handled,
    message,
    raw,
    recorded,
    states,
    taken,
)
from tests.services.ledger.people import COLLECTOR, NOW, a_repayment, record_day

WHY = "the lender confirmed it by telephone"


def test_every_kind_has_a_handler_and_versions() -> None:
    assert set(message_kinds.handlers()) == set(MessageKind)


def test_a_message_delivered_again_by_any_channel_has_one_effect(store: Store, tmp_path: Path) -> None:
    one = raw("m1", a_payment())
    assert [it.is_new for it in taken(store, one, one)] == [True, False]
    assert not taken(store, one, channel=Channel.NATS)[0].is_new
    handled(store, tmp_path)
    (again,) = taken(store, one, channel=Channel.REST)
    assert (again.is_new, again.state) == (False, MessageState.DONE)
    handled(store, tmp_path)
    assert recorded(store) == ["P1"]
    assert states(store) == {"done": 1}
    assert message(store, "m1").deliveries == 4


def test_the_same_content_spaced_otherwise_is_the_same_message(store: Store) -> None:
    one = raw("m1", a_payment())
    other = one.replace(b": ", b" :  ")
    assert other != one
    assert [it.is_new for it in taken(store, one, other)] == [True, False]


def test_other_content_under_one_id_is_a_dead_letter_and_changes_nothing(store: Store, tmp_path: Path) -> None:
    taken(store, raw("m1", a_payment()))
    (other,) = taken(store, raw("m1", a_payment(amount=99)))
    assert (other.state, other.why) == (MessageState.DEAD, WhyHeld.OTHER_CONTENT)
    assert not taken(store, raw("m1", a_payment(amount=99)))[0].is_new, "the same other content is counted, not kept"
    handled(store, tmp_path)
    assert states(store) == {"done": 1, "dead": 1}
    with store.reading() as connection:
        assert connection.execute(select(payments.c.amount_minor)).scalars().all() == [10_000]
        audited = connection.execute(select(audit_log.c.object_id).where(audit_log.c.action == "message.dead"))
        assert audited.scalars().all() == ["SIM/m1"]
    assert [one.kind for one in list_notifications(OPERATOR, store)] == ["message_dead"]


def test_a_payment_known_with_other_content_is_a_dead_letter_beside_its_break(store: Store, tmp_path: Path) -> None:
    taken(store, raw("m1", a_payment(), 1), raw("m2", a_payment(amount=99), 2))
    handled(store, tmp_path)
    assert (message(store, "m2").state, message(store, "m2").why) == ("dead", "other_payment")
    taken(store, raw("m3", a_payment()))
    handled(store, tmp_path)
    assert message(store, "m3").outcome == "repeated"
    assert recorded(store) == ["P1"]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (b"\xff\xfe\x00binary", "unreadable"),
        (b"[]", "unreadable"),
        (b"{" * 5_000, "unreadable"),
        (b"[" * 100_000, "unreadable"),
        (raw("m1", a_payment()).replace(b'"amount_minor": 10000', b'"amount_minor": NaN'), "unreadable"),
        (raw("m1", a_payment()).replace(b'"amount_minor": 10000', b'"amount_minor": 1.5'), "unreadable"),
        (raw("m1", a_payment()).replace(b'"kind"', b'"kind": "loan", "kind"', 1), "unreadable"),
        (raw("m1", a_payment(reference="a\x00b")), "unreadable"),
        (b'{"message_id": "\\ud800"}', "unreadable"),
        (b"x" * (256 * 1024 + 1), "too_large"),
        (raw("", a_payment()), "envelope"),
        (raw("m1", a_payment(), more=1), "envelope"),
        (raw("m1", a_payment(), sent_at=None), "envelope"),
        (raw("m1", a_payment(), sequence=True), "envelope"),
        (raw("m1", a_payment(), source_code="../x"), "envelope"),
        (raw("m1", a_payment(), schema_version="1"), "envelope"),
        (raw("m1", a_payment(), sent_at="2026-03-10T12:00:00"), "envelope"),
        (raw("m1", a_payment(), kind="fax"), "unknown_kind"),
        (raw("m1", a_payment(), schema_version=2), "version"),
        (raw("m1", a_payment(), sent_at=(NOW + timedelta(seconds=301)).isoformat()), "future"),
    ],
)
def test_what_is_no_message_of_ours_is_kept_as_a_dead_letter(
    store: Store, tmp_path: Path, given: bytes, why: str
) -> None:
    (one,) = taken(store, given)
    assert (one.state, one.why) == (MessageState.DEAD, why)
    assert one.en
    assert one.zh
    assert not taken(store, given)[0].is_new
    taken(store, raw("m1", a_payment()))
    handled(store, tmp_path)
    assert states(store) == {"dead": 1, "done": 1}, "a refused message does not take the id of the right one"


@pytest.mark.parametrize(
    "body",
    [
        a_payment(amount=0),
        a_payment(amount_minor="10000"),
        a_payment(currency="XYZ1"),
        a_payment(extra=1),
        a_payment(loan_id="L1") | {"source_code": "XJC"},
        a_payment(principal_minor=1, interest_minor=1, fees_minor=1, penalty_minor=1),
    ],
)
def test_a_body_that_a_rule_refuses_is_a_dead_letter_that_names_the_field(
    store: Store, tmp_path: Path, body: dict[str, object]
) -> None:
    taken(store, raw("m1", body), raw("m2", a_payment("P2", "L2")))
    handled(store, tmp_path)
    assert (message(store, "m1").state, message(store, "m1").why) == ("dead", "refused")
    assert message(store, "m1").why_en
    assert recorded(store) == ["P2"]


def test_the_body_must_be_of_the_loan_of_the_envelope(store: Store, tmp_path: Path) -> None:
    taken(store, raw("m1", a_payment(loan_id="L9"), loan_id="L1"))
    handled(store, tmp_path)
    assert message(store, "m1").why == "refused"


def test_a_reversal_that_came_first_is_parked_until_its_payment_came(store: Store, tmp_path: Path) -> None:
    taken(store, raw("m2", a_reversal("P1"), 2))
    assert handled(store, tmp_path).parked == 1
    assert states(store) == {"parked": 1}
    taken(store, raw("m1", a_payment("P1"), 1))
    assert handled(store, tmp_path).done == 2
    assert states(store) == {"done": 2}
    assert recorded(store) == ["P1", "R1"]


def test_the_payment_passes_the_reversal_that_waits_for_it_even_if_it_was_sent_later(
    store: Store, tmp_path: Path
) -> None:
    taken(store, raw("m1", a_reversal("P1"), 1))
    handled(store, tmp_path)
    taken(store, raw("m2", a_payment("P9"), 2), raw("m3", a_payment("P1"), 3))
    handled(store, tmp_path)
    assert states(store) == {"done": 3}


def test_what_is_parked_holds_up_neither_its_own_loan_nor_others(store: Store, tmp_path: Path) -> None:
    taken(store, raw("m1", a_reversal("P1"), 1))
    handled(store, tmp_path)
    taken(store, raw("m2", a_payment("P2"), 2), raw("m3", a_payment("P3", "L2"), 1))
    handled(store, tmp_path)
    assert states(store) == {"parked": 1, "done": 2}
    assert recorded(store) == ["P2", "P3"]


def test_a_payment_that_came_by_file_frees_its_reversal(store: Store, tmp_path: Path) -> None:
    taken(store, raw("m1", a_reversal("P1"), 1))
    handled(store, tmp_path)
    record_day(store, a_repayment("P1"))
    handled(store, tmp_path, after=timedelta(seconds=61))
    assert states(store) == {"done": 1}


def test_a_partner_that_never_came_ends_the_parking(store: Store, tmp_path: Path) -> None:
    taken(store, raw("m1", a_reversal("P1"), 1), raw("m2", a_payment("P2"), 2))
    handled(store, tmp_path)
    handled(store, tmp_path, after=timedelta(hours=23, minutes=59))
    assert states(store) == {"parked": 1, "done": 1}
    handled(store, tmp_path, after=timedelta(hours=24, seconds=1))
    assert (message(store, "m1").state, message(store, "m1").why) == ("dead", "no_partner")
    assert states(store) == {"dead": 1, "done": 1}
    assert [one.kind for one in list_notifications(OPERATOR, store)] == ["message_dead"]


def test_the_messages_of_a_loan_are_handled_in_its_order_however_they_arrive(store: Store, tmp_path: Path) -> None:
    days = [(NOW + timedelta(days=n)).date().isoformat() for n in (-3, -2, -1, 0)]
    loans = [
        raw(f"l{n}", a_loan(as_of_date=day, days_past_due=10 + n), n, kind="loan") for n, day in enumerate(days)
    ]  # fmt: skip
    random.Random(7).shuffle(loans)
    taken(store, *loans)
    handled(store, tmp_path)
    assert [message(store, f"l{n}").outcome for n in range(4)] == ["opened", "updated", "updated", "updated"]
    taken(store, raw("late", a_loan(as_of_date=days[0], days_past_due=3), 9, kind="loan"))
    handled(store, tmp_path)
    assert message(store, "late").outcome == "superseded"
    taken(store, raw("early", a_loan(as_of_date="2027-01-01"), 10, kind="loan"))
    handled(store, tmp_path)
    assert message(store, "early").why == "refused"
    assert states(store) == {"done": 5, "dead": 1}


@pytest.fixture
def poisoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recording payment POISON fails by an error of ours."""
    real = payment_messages.record_payments

    def record(actor: Actor, store: Store, **given: object) -> object:
        if any(one.payment_id == "POISON" for one in given["rows"]):
            raise ZeroDivisionError("planted")
        return real(actor, store, **given)

    monkeypatch.setattr(payment_messages, "record_payments", record)


@pytest.mark.usefixtures("poisoned")
def test_a_poison_message_is_a_dead_letter_after_its_tries_and_holds_up_none_of_two_hundred(
    store: Store, tmp_path: Path
) -> None:
    good = [raw(f"g{n}", a_payment(f"P{n}", f"G{n}")) for n in range(200)]
    taken(store, *good[:100], raw("bad", a_payment("POISON", "L1"), 1), *good[100:])
    handled(store, tmp_path)
    assert states(store) == {"done": 200, "waiting": 1}
    pause = timedelta(0)
    for tries in range(2, 6):
        assert message(store, "bad").tries == tries - 1
        pause += timedelta(seconds=2 ** (tries - 1))
        handled(store, tmp_path, after=pause)
    assert (message(store, "bad").state, message(store, "bad").why) == ("dead", "failed")
    assert "ZeroDivisionError" in message(store, "bad").why_en
    assert states(store) == {"done": 200, "dead": 1}


@pytest.mark.usefixtures("poisoned")
def test_a_dead_letter_is_tried_again_by_a_person_with_a_reason(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken(store, raw("bad", a_payment("POISON")))
    for n in range(6):
        handled(store, tmp_path, after=timedelta(minutes=n))
    one = message(store, "bad")
    assert one.state == "dead"
    chosen = {one.number: one.version}
    with pytest.raises(Invalid):
        retry_messages(OPERATOR, store, now=NOW, chosen=chosen, reason="", key="k0")
    with pytest.raises(Refused):
        retry_messages(COLLECTOR, store, now=NOW, chosen=chosen, reason=WHY, key="k0")
    assert retry_messages(OPERATOR, store, now=NOW, chosen=chosen, reason=WHY, key="k1") == 1
    assert retry_messages(OPERATOR, store, now=NOW, chosen=chosen, reason=WHY, key="k1") == 1, "the same key"
    with pytest.raises(Conflict):
        retry_messages(OPERATOR, store, now=NOW, chosen=chosen, reason=WHY, key="k2")
    monkeypatch.undo()
    handled(store, tmp_path)
    assert states(store) == {"done": 1}
    with store.reading() as connection:
        said = connection.execute(select(audit_log).where(audit_log.c.action == "message.retried")).one()
    assert (said.actor_id, said.object_id, said.reason) == ("p-op", "SIM/bad", WHY)


def test_what_no_replay_can_mend_is_refused_and_given_up(store: Store, tmp_path: Path) -> None:
    (one,) = taken(store, b"\xff")
    for number in (one.number, 99):
        with pytest.raises((Invalid, NoSuchMessage)):
            retry_messages(OPERATOR, store, now=NOW, chosen={number: 1}, reason=WHY, key=f"k{number}")
    assert give_up_messages(OPERATOR, store, now=NOW, chosen={one.number: 1}, reason=WHY, key="g") == 1
    assert states(store) == {"given_up": 1}


def test_a_parked_message_can_be_given_up(store: Store, tmp_path: Path) -> None:
    taken(store, raw("m1", a_reversal("P1"), 1), raw("m2", a_payment("P2"), 2))
    handled(store, tmp_path)
    one = message(store, "m1")
    give_up_messages(OPERATOR, store, now=NOW, chosen={one.number: one.version}, reason=WHY, key="g")
    handled(store, tmp_path)
    assert states(store) == {"given_up": 1, "done": 1}


def test_a_version_that_is_understood_later_is_read_anew(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ops_app.domain.organisation import messages as domain

    (one,) = taken(store, raw("m1", a_payment(), schema_version=2))
    with pytest.raises(Invalid, match="still cannot be read"):
        retry_messages(OPERATOR, store, now=NOW, chosen={one.number: 1}, reason=WHY, key="k1")
    monkeypatch.setitem(domain.VERSIONS, MessageKind.PAYMENT, frozenset({1, 2}))
    retry_messages(OPERATOR, store, now=NOW, chosen={one.number: 1}, reason=WHY, key="k2")
    handled(store, tmp_path)
    assert (message(store, "m1").message_id, states(store)) == ("m1", {"done": 1})
    assert not taken(store, raw("m1", a_payment(), schema_version=2))[0].is_new


def test_a_source_signs_for_itself_alone(store: Store) -> None:
    given = Delivery(raw("m1", a_payment()), Channel.REST, source_code="XJC")
    (one,) = take_in(SYSTEM, store, now=NOW, deliveries=[given])
    assert (one.state, one.why, one.source_code) == (MessageState.DEAD, WhyHeld.OTHER_SOURCE, "XJC")
    assert taken(store, raw("m1", a_payment()))[0].state is MessageState.WAITING


def test_a_crash_between_the_effect_and_its_note_records_once(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken(store, raw("m1", a_payment()))
    with monkeypatch.context() as crash, pytest.raises(KeyboardInterrupt):
        crash.setattr(message_handling, "_settle", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        handled(store, tmp_path)
    assert (recorded(store), states(store)) == (["P1"], {"waiting": 1})
    handled(store, tmp_path)
    assert (recorded(store), states(store), message(store, "m1").outcome) == (["P1"], {"done": 1}, "repeated")


def test_a_store_that_cannot_be_written_counts_no_try(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    taken(store, raw("m1", a_payment()))
    with monkeypatch.context() as full:
        full.setattr(
            payment_messages, "record_payments",
            lambda *_, **__: (_ for _ in ()).throw(OperationalError("insert", {}, Exception("disk is full"))),
        )  # fmt: skip
        with pytest.raises(StoreTrouble):
            handled(store, tmp_path)
    assert (message(store, "m1").tries, states(store)) == (0, {"waiting": 1})
    handled(store, tmp_path)
    assert states(store) == {"done": 1}


def test_the_list_is_narrowed_sorted_and_turned(store: Store, tmp_path: Path) -> None:
    taken(store, *(raw(f"m{n}", a_payment(f"P{n}", f"L{9 - n}"), n) for n in range(5)))
    waiting = MessageFilter(MessageState.WAITING)
    first = list_messages(OPERATOR, store, now=NOW, wanted=waiting, limit=2)
    assert ([one.message_id for one in first.rows], first.total) == (["m0", "m1"], 5)
    then = list_messages(OPERATOR, store, now=NOW, wanted=waiting, limit=3, after=first.next_after)
    assert ([one.message_id for one in then.rows], then.next_after) == (["m2", "m3", "m4"], None)
    by_loan = list_messages(OPERATOR, store, now=NOW, wanted=waiting, sort="loan_id", limit=2)
    assert [one.loan_id for one in by_loan.rows] == ["L5", "L6"]
    more = list_messages(
        OPERATOR, store, now=NOW, wanted=waiting, sort="loan_id", limit=2, after=by_loan.next_after
    )  # fmt: skip
    assert [one.loan_id for one in more.rows] == ["L7", "L8"]
    one_loan = MessageFilter(MessageState.WAITING, loan_id="L7")
    assert [one.message_id for one in list_messages(OPERATOR, store, now=NOW, wanted=one_loan).rows] == ["m2"]
    of_source = MessageFilter(MessageState.WAITING, source_code="XJC")
    assert list_messages(OPERATOR, store, now=NOW, wanted=of_source).rows == ()
    for wrong in (
        {"sort": "why"},
        {"after": "x"},
        {"limit": 0},
        {"wanted": MessageFilter(loan_id="L", source_code="S")},
    ):
        with pytest.raises(Invalid):
            list_messages(OPERATOR, store, now=NOW, **wrong)
    figures = message_figures(OPERATOR, store, now=NOW)
    assert figures.counts[MessageState.WAITING] == 5
    (lag,) = figures.lags
    assert (lag.source_code, lag.waiting, lag.oldest_received_at, lag.last_handled_at) == ("SIM", 5, NOW, None)
    handled(store, tmp_path)
    assert message_figures(OPERATOR, store, now=NOW).lags[0].last_handled_at == NOW
    assert read_message(OPERATOR, store, now=NOW, number=first.rows[0].number).state is MessageState.DONE
    with pytest.raises(NoSuchMessage):
        read_message(OPERATOR, store, now=NOW, number=999)


def test_one_consumer_holds_the_lease_until_it_gives_it_back_or_is_silent(store: Store) -> None:
    def hold(who: str, seconds: int = 0, trouble: str | None = None) -> bool:
        return hold_consumer_lease(
            SYSTEM, store, now=NOW + timedelta(seconds=seconds), holder=who, broker="nats://h:1", trouble=trouble
        )

    assert hold("a")
    assert not hold("b", 9)
    assert hold("a", 9, "the broker is gone")
    assert message_figures(OPERATOR, store, now=NOW).consumer.trouble == "the broker is gone"
    assert not hold("b", 18)
    assert hold("b", 20)
    end_consumer_lease(SYSTEM, store, now=NOW + timedelta(seconds=21), holder="b")
    assert hold("a", 22)


def test_the_proof_of_the_inbox_fails_where_a_message_or_a_count_is_missing(store: Store) -> None:
    taken(store, raw("m1", a_payment()), raw("m1", a_payment()))
    assert verify_messages(store).state == "holds"
    with pytest.raises(DBAPIError), store.writing(SYSTEM, NOW) as transaction:
        transaction.connection.execute(delete(inbound_messages))
    with pytest.raises(DBAPIError), store.writing(SYSTEM, NOW) as transaction:
        transaction.connection.execute(update(message_arrivals).values(received=1))
    with store.writing(SYSTEM, NOW) as transaction:
        transaction.connection.execute(
            insert(message_arrivals).values(channel="rest", received_at=NOW, received=1, fresh=1, repeated=0)
        )
    assert verify_messages(store).state == "broken"


def test_a_message_stands_under_its_id_once_and_only_in_a_state_that_there_is(store: Store) -> None:
    taken(store, raw("m1", a_payment()))
    (other,) = taken(store, raw("m1", a_payment(amount=1)))
    for change in ("is_first = true", "state = 'lost'", "state = 'waiting'", "why = null", "deliveries = 0"):
        with pytest.raises(DBAPIError), store.writing(SYSTEM, NOW) as transaction:
            transaction.connection.execute(text(f"update inbound_messages set {change} where number = {other.number}"))
            transaction.audit("x", "y", "z")
