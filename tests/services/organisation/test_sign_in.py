"""Signing in, sessions, and what guessing and stolen cookies achieve."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from ops_app.domain.errors import Invalid, Refused
from ops_app.domain.organisation.passwords import FREE_FAILURES, check_new_password, delay_after
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.organisation import hashing, people, sessions, sign_in
from ops_app.services.organisation.audit import AuditFilter, search_audit
from ops_app.services.organisation.sign_in import ABSOLUTE_LIMIT, IDLE_LIMIT, SignInRefused, actor_of, token_hash
from ops_app.services.organisation.verify import verify_audit
from ops_app.store.store import Store
from ops_app.store.tables import organisation as t
from tests.services.organisation.conftest import NOW, PASSWORD

MINUTE = timedelta(minutes=1)


def actions(store: Store) -> list[str]:
    with store.reading() as connection:
        return list(connection.execute(select(t.audit_log.c.action).order_by(t.audit_log.c.seq)).scalars())


def attempt(store: Store, typed: str = "wrong", *, name: str = "admin", now=NOW, device: str | None = None) -> bool:
    try:
        sign_in.sign_in(store, now=now, name=name, password=typed, device=device)
    except SignInRefused:
        return False
    return True


@pytest.mark.usefixtures("admin")
def test_the_right_password_opens_a_session_and_says_so(store: Store) -> None:
    signed_in = sign_in.sign_in(store, now=NOW, name=" Admin ", password=PASSWORD, user_agent="x" * 999)
    actor = actor_of(store, signed_in.token, now=NOW + MINUTE)
    assert actor is not None
    assert (actor.name, actor.role, actor.must_change_password) == ("Ada", Role.ADMINISTRATOR, False)
    assert actions(store)[-1] == "session.started"


@pytest.mark.usefixtures("admin")
def test_only_the_hash_of_a_token_is_kept(store: Store) -> None:
    signed_in = sign_in.sign_in(store, now=NOW, name="admin", password=PASSWORD)
    assert len(signed_in.token) >= 43  # 256 bits
    with store.reading() as connection:
        kept = " ".join(str(row) for table in t.metadata.sorted_tables for row in connection.execute(select(table)))
    assert token_hash(signed_in.token) in kept
    assert signed_in.token not in kept
    assert signed_in.device not in kept
    assert PASSWORD not in kept


def test_every_refusal_reads_the_same(store: Store, admin: Actor) -> None:
    created = people.create_person(admin, store, now=NOW, sign_in_name="gone", display_name="G", role=Role.ANALYST)
    people.deactivate_person(admin, store, now=NOW, person_id=created.person.person_id, version=1, reason="left")
    said = set()
    for name, password in (("admin", "wrong"), ("nobody", PASSWORD), ("gone", created.temporary_password), ("", "")):
        with pytest.raises(SignInRefused) as refusal:
            sign_in.sign_in(store, now=NOW, name=name, password=password)
        said.add((refusal.value.en, refusal.value.zh))
    assert len(said) == 1


@pytest.mark.usefixtures("admin")
def test_a_mistyped_password_in_the_name_field_is_not_written_down(store: Store) -> None:
    assert not attempt(store, name="my-secret-password")
    with store.reading() as connection:
        kept = str(connection.execute(select(t.audit_log)).all() + connection.execute(select(t.sign_in_attempts)).all())
    assert "my-secret" not in kept


@pytest.mark.usefixtures("admin")
def test_ten_thousand_guesses_in_an_hour_are_fewer_than_twenty_tries(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []
    monkeypatch.setattr(sign_in, "verify_password", lambda stored, password: tried.append(password) or False)
    for guess in range(0, 3600, 9):  # as many as the test has time for, evenly over the hour
        attempt(store, f"guess {guess}", now=NOW + timedelta(seconds=guess))
    assert 10 < len(tried) <= 20


def test_the_delays_of_an_hour_add_up_to_fewer_than_twenty_tries() -> None:
    at, tries = timedelta(0), 0
    while at < timedelta(hours=1):
        tries += 1
        at += max(delay_after(tries), timedelta(milliseconds=360))  # 10,000 guesses an hour
    assert 10 < tries <= 20
    assert [delay_after(n).total_seconds() for n in (0, 4, 5, 6, 10, 11, 10**6)] == [0, 0, 15, 30, 480, 900, 900]


@pytest.mark.usefixtures("admin")
def test_a_delayed_name_waits_and_then_the_right_password_works(store: Store) -> None:
    for _ in range(5):
        assert not attempt(store)
    assert not attempt(store, PASSWORD)
    assert not attempt(store, PASSWORD, now=NOW + timedelta(seconds=14))
    assert attempt(store, PASSWORD, now=NOW + timedelta(seconds=16))
    assert attempt(store, PASSWORD, now=NOW + timedelta(seconds=17))


def test_an_attempt_against_the_delay_leaves_a_row_in_the_audit_log(store: Store, admin: Actor) -> None:
    def rows() -> list[tuple[str, str | None]]:
        with store.reading() as connection:
            query = select(t.audit_log.c.object_id, t.audit_log.c.after_json).where(
                t.audit_log.c.action == "session.refused"
            )
            return [(row.object_id, row.after_json) for row in connection.execute(query.order_by(t.audit_log.c.seq))]

    for _ in range(6):
        assert not attempt(store)
    assert [(who, after) for who, after in rows() if after and "delay" in after] == [
        (admin.person_id, '{"why":"delay"}')
    ]
    assert len(rows()) == 6
    for _ in range(6):
        assert not attempt(store, name="nobody")
    assert len(rows()) == 12
    assert rows()[-1] == ("unknown", '{"why":"delay"}'), "what was typed is not written down"


@pytest.mark.usefixtures("admin")
def test_a_name_that_nobody_has_is_delayed_alike(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []
    monkeypatch.setattr(sign_in, "verify_password", lambda stored, password: tried.append(stored) or False)
    for name in ("admin", "nobody"):
        for _ in range(9):
            attempt(store, name=name)
    assert [stored is None for stored in tried] == [False] * 5 + [True] * 5


@pytest.mark.usefixtures("admin")
def test_guesses_of_strangers_do_not_lock_out_a_browser_that_is_known(store: Store) -> None:
    device = sign_in.sign_in(store, now=NOW, name="admin", password=PASSWORD).device
    for _ in range(8):
        attempt(store)
    assert not attempt(store, PASSWORD)
    assert not attempt(store, PASSWORD, device="invented")
    assert attempt(store, PASSWORD, device=device)
    for _ in range(5):
        attempt(store, device=device)
    assert not attempt(store, PASSWORD, device=device), "a known browser is slowed down by its own failures"


@pytest.mark.usefixtures("admin")
def test_parallel_guesses_are_counted_one_by_one(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []
    monkeypatch.setattr(sign_in, "verify_password", lambda stored, password: tried.append(password) or False)
    with ThreadPoolExecutor(8) as pool:
        assert not any(pool.map(lambda n: attempt(store, f"guess {n}"), range(24)))
    assert len(tried) == 5


def test_a_session_ends_when_idle_and_at_its_limit(store: Store, admin: Actor) -> None:
    token = sign_in.sign_in(store, now=NOW, name="admin", password=PASSWORD).token
    assert actor_of(store, token, now=NOW + IDLE_LIMIT - MINUTE) is not None
    assert actor_of(store, token, now=NOW + 2 * IDLE_LIMIT - 2 * MINUTE) is not None, "being used keeps it open"
    assert actor_of(store, token, now=NOW + 4 * IDLE_LIMIT) is None
    second = sign_in.sign_in(store, now=NOW, name="admin", password=PASSWORD).token
    at = NOW
    while at < NOW + ABSOLUTE_LIMIT - 20 * MINUTE:
        at += 20 * MINUTE
        assert actor_of(store, second, now=at) is not None
    assert actor_of(store, second, now=NOW + ABSOLUTE_LIMIT) is None


def test_who_is_no_longer_active_is_nobody_by_whatever_way_it_came_about(store: Store, admin: Actor) -> None:
    token = sign_in.sign_in(store, now=NOW, name="admin", password=PASSWORD).token
    with store.writing(admin, NOW) as transaction:  # no session is ended here
        transaction.connection.execute(text("update people set active = false"))
        transaction.audit("person.deactivated", "person", admin.person_id)
    assert actor_of(store, token, now=NOW) is None
    assert not attempt(store, PASSWORD)
    assert actions(store)[-1] == "session.refused"


@pytest.mark.usefixtures("admin")
@pytest.mark.parametrize("token", [None, "", "invented", "' or 1=1 --", "x" * 10_000])
def test_a_token_that_was_never_given_is_nobody(store: Store, token: str | None) -> None:
    assert actor_of(store, token, now=NOW) is None


@pytest.mark.usefixtures("admin")
def test_signing_in_again_ends_the_session_it_replaces(store: Store) -> None:
    old = sign_in.sign_in(store, now=NOW, name="admin", password=PASSWORD)
    new = sign_in.sign_in(store, now=NOW, name="admin", password=PASSWORD, previous_token=old.token)
    assert actor_of(store, old.token, now=NOW) is None
    assert actor_of(store, new.token, now=NOW) is not None
    assert old.token != new.token


@pytest.mark.usefixtures("admin")
def test_signing_out_ends_this_session_and_no_other(store: Store) -> None:
    here, there = (sign_in.sign_in(store, now=NOW, name="admin", password=PASSWORD) for _ in range(2))
    sessions.sign_out(here.actor, store, now=NOW)
    sessions.sign_out(here.actor, store, now=NOW)
    assert actor_of(store, here.token, now=NOW) is None
    assert actor_of(store, there.token, now=NOW) is not None
    assert actions(store).count("session.ended") == 1


def test_signing_out_everywhere_ends_every_session(store: Store, admin: Actor) -> None:
    tokens = [sign_in.sign_in(store, now=NOW, name="admin", password=PASSWORD).token for _ in range(3)]
    assert sessions.sign_out_everywhere(admin, store, now=NOW) == 4
    assert [actor_of(store, token, now=NOW) for token in tokens] == [None, None, None]


@pytest.mark.usefixtures("admin")
def test_a_changed_password_ends_all_sessions_and_opens_a_new_one(store: Store) -> None:
    old = sign_in.sign_in(store, now=NOW, name="admin", password=PASSWORD)
    with pytest.raises(Invalid, match="present"):
        sessions.change_own_password(old.actor, store, now=NOW, current="wrong", new="another long glad sentence")
    new = sessions.change_own_password(old.actor, store, now=NOW, current=PASSWORD, new="another long glad sentence")
    assert actor_of(store, old.token, now=NOW) is None
    assert actor_of(store, new.token, now=NOW) is not None
    assert not attempt(store, PASSWORD)
    assert attempt(store, "another long glad sentence")


def test_a_temporary_password_opens_only_the_own_account_until_it_is_changed(store: Store, admin: Actor) -> None:
    created = people.create_person(
        admin, store, now=NOW, sign_in_name="grace", display_name="Grace", role=Role.ADMINISTRATOR
    )
    signed_in = sign_in.sign_in(store, now=NOW, name="grace", password=created.temporary_password)
    with pytest.raises(Refused, match="temporary password"):
        people.list_people(signed_in.actor, store, now=NOW)
    renewed = sessions.change_own_password(
        signed_in.actor, store, now=NOW, current=created.temporary_password, new="another long glad sentence"
    )
    assert people.list_people(renewed.actor, store, now=NOW).total == 2
    now_held = actor_of(store, renewed.token, now=NOW)
    assert now_held is not None
    assert not now_held.must_change_password


def test_a_language_is_chosen_once_and_remembered(store: Store, admin: Actor) -> None:
    sessions.choose_language(admin, store, now=NOW, language="zh")
    sessions.choose_language(admin, store, now=NOW, language="zh")
    assert sign_in.sign_in(store, now=NOW, name="admin", password=PASSWORD).actor.language == "zh"
    assert actions(store).count("person.language_chosen") == 1
    with pytest.raises(Invalid):
        sessions.choose_language(admin, store, now=NOW, language="fr")


@pytest.mark.usefixtures("admin")
def test_a_hash_of_older_settings_is_renewed_at_sign_in(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def kept() -> str:
        with store.reading() as connection:
            return connection.execute(text("select password_hash from people")).scalar_one()

    before = kept()
    monkeypatch.setattr(hashing, "_HASHER", hashing.PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    assert attempt(store, PASSWORD)
    assert "m=8,t=1" in before
    assert "m=16,t=2" in kept()
    assert attempt(store, PASSWORD)


@pytest.mark.real_hashes
def test_hashes_are_argon2id_at_the_set_cost_and_unknown_names_cost_as_much() -> None:
    stored = hashing.hash_password(PASSWORD)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert hashing.verify_password(stored, PASSWORD)
    hashing.verify_password(None, "x")  # makes nobody's hash

    def fastest(against: str | None) -> float:
        times = []
        for _ in range(5):
            begun = time.process_time()  # the work done, whoever else is on the machine
            assert not hashing.verify_password(against, "wrong")
            times.append(time.process_time() - begun)
        return min(times)

    known, unknown = fastest(stored), fastest(None)
    assert 0.4 < unknown / known < 2.5


@pytest.mark.parametrize(
    "password",
    ["", "short", "a" * 12, "password1234", "P@ssw0rd2026!", "qwertyuiop12", "admin-something-else", "123456789012",
     "abcdefghijkl", "Welcome2026!!", "tab\tin the middle", "x" * 129, "recoup123456", "111122223333"],
)  # fmt: skip
def test_a_guessable_password_is_refused(password: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check_new_password(password, sign_in_name="admin")
    assert refusal.value.field == "password"
    assert refusal.value.zh


@pytest.mark.parametrize("password", [PASSWORD, "correct horse battery", "我们今天一起去爬山看日出吧", "kX9#mvP2!qLz7"])
def test_a_long_password_of_ones_own_is_taken(password: str) -> None:
    check_new_password(password, sign_in_name="admin")


@pytest.mark.usefixtures("admin")
@pytest.mark.parametrize("odd", ["a\x00b", "\ud800", "x" * 100_000, "' or 1=1 --", "ａｄｍｉｎ", "admin\n"])
def test_odd_input_is_refused_like_a_wrong_password(store: Store, odd: str) -> None:
    assert not attempt(store, "wrong", name=odd)
    assert not attempt(store, odd)
    assert not attempt(store, "wrong", device=odd)
    assert actor_of(store, odd, now=NOW) is None


@pytest.mark.usefixtures("admin")
def test_a_device_that_is_not_ours_is_not_taken_up(store: Store) -> None:
    given = sign_in.sign_in(store, now=NOW, name="admin", password=PASSWORD, device="guessable")
    assert given.device != "guessable"
    again = sign_in.sign_in(store, now=NOW, name="admin", password=PASSWORD, device=given.device)
    assert again.device == given.device


def test_the_browser_that_changed_the_password_stays_known(store: Store, admin: Actor) -> None:
    new = sessions.change_own_password(admin, store, now=NOW, current=PASSWORD, new="another long glad sentence")
    for _ in range(8):
        attempt(store)
    assert not attempt(store, "another long glad sentence")
    assert attempt(store, "another long glad sentence", device=new.device)


def test_guesses_of_the_present_password_are_counted_logged_and_end_the_session(store: Store, admin: Actor) -> None:
    signed = sign_in.sign_in(store, now=NOW, name="admin", password=PASSWORD)
    new = "another long glad sentence"

    def guess(typed: str, now=NOW) -> None:
        with pytest.raises(Invalid) as refused:
            sessions.change_own_password(signed.actor, store, now=now, current=typed, new=new)
        assert refused.value.field == "current"

    for number in range(FREE_FAILURES + 1):
        guess(f"wrong {number}")
        assert actor_of(store, signed.token, now=NOW) is not None
    assert actions(store).count("session.password_refused") == FREE_FAILURES + 1
    guess(PASSWORD)  # the right one too has to wait now, and the session is over
    assert actor_of(store, signed.token, now=NOW) is None
    assert actions(store).count("session.password_refused") == FREE_FAILURES + 2
    later = NOW + timedelta(minutes=16)
    again = sign_in.sign_in(store, now=later, name="admin", password=PASSWORD)
    assert sessions.change_own_password(again.actor, store, now=later, current=PASSWORD, new=new).token


@pytest.mark.usefixtures("admin")
def test_a_sign_in_its_session_and_every_act_in_it_say_from_which_address(store: Store) -> None:
    signed_in = sign_in.sign_in(store, now=NOW, name="admin", password=PASSWORD, address="::ffff:203.0.113.7")
    elsewhere = actor_of(store, signed_in.token, now=NOW + MINUTE, address="2001:DB8::5")
    assert elsewhere is not None
    sessions.sign_out(elsewhere, store, now=NOW + MINUTE)
    with pytest.raises(SignInRefused):
        sign_in.sign_in(store, now=NOW + MINUTE, name="admin", password="wrong", address="198.51.100.1")
    with store.reading() as connection:
        log = connection.execute(select(t.audit_log).order_by(t.audit_log.c.seq.desc()).limit(3)).all()
        kept = connection.execute(select(t.sessions.c.address)).scalars().all()
    assert [(row.action, row.address) for row in log] == [
        ("session.refused", "198.51.100.1"), ("session.ended", "2001:db8::5"), ("session.started", "203.0.113.7"),
    ]  # fmt: skip
    assert "203.0.113.7" in kept
    auditor = Actor("p-look", "Look", Role.AUDITOR)
    found = search_audit(auditor, store, now=NOW, wanted=AuditFilter(address="203.0.113.7")).rows
    assert [row.action for row in found] == ["session.started"]
    assert verify_audit(store).state == "holds"
