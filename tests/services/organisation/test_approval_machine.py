"""Whatever makers and approvers do in whatever order: the engine answers as a plain model of it does."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ops_app.domain.errors import Conflict, DomainError, Refused
from ops_app.domain.organisation.approvals import OpenAlready, RequestState
from ops_app.domain.organisation.people import SYSTEM, Actor, Role
from ops_app.services.organisation import approvals
from ops_app.services.organisation.verify import verify_approvals
from ops_app.store.store import Store
from tests.services.organisation.approving import (
    LIMIT,
    NOW,
    a_person,
    ask,
    decide,
    effects,
    kinds_of_the_tests,
    with_rules,
)

LIFE = timedelta(days=14)
AMOUNTS = st.sampled_from([LIMIT, LIMIT + 1, LIMIT - 1, 0])
WHO = st.integers(0, 5)
LIKELY = st.one_of(st.none(), st.none(), WHO)
"""Nobody in particular means one who may, so that the machine gets far."""

_KEYS = count()


class Known:
    """What the model knows of a request."""

    def __init__(self, request_id: str, maker: str, loan: str, amount: int, now: Any) -> None:
        self.request_id, self.maker, self.loan = request_id, maker, loan
        self.state, self.version = RequestState.WAITING, 1
        self.approved_by: set[str] = set()
        self.ask(amount, now)

    def ask(self, amount: int, now: Any) -> None:
        self.levels = [Role.SUPERVISOR] + ([Role.MANAGER] if amount >= LIMIT else [])
        self.level, self.expires_at = 0, now + LIFE
        self.approved_by = set()

    @property
    def is_open(self) -> bool:
        return self.state in (RequestState.WAITING, RequestState.RETURNED)

    def go(self, state: RequestState) -> None:
        self.state, self.version = state, self.version + 1


def machine(store: Store, cast: list[Actor]) -> type[RuleBasedStateMachine]:
    """The machine on ``store``; each example has loans of its own."""

    class Desk(RuleBasedStateMachine):
        requests = Bundle("requests")

        def __init__(self) -> None:
            super().__init__()
            self.example = next(_KEYS)
            self.now = NOW
            self.known: list[Known] = []
            self.given: list[list[Any]] = []  # giver, taker, starts, ends, delegation
            self.effects_before = effects(store)

        def key(self) -> str:
            return f"m{next(_KEYS)}"

        def principals(self, actor: Actor, level: Role) -> list[str]:
            """On whose behalf the model lets the actor decide that level."""
            own = [actor.person_id] if actor.role is level else []
            return own + [
                giver.person_id
                for giver, taker, starts, ends, _ in self.given
                if taker is actor and giver.role is level and starts <= self.now < ends
            ]

        def may(self, one: Known, actor: Actor) -> bool:
            if actor.person_id in {one.maker, *one.approved_by}:
                return False
            usable = set(self.principals(actor, one.levels[one.level])) - {one.maker, *one.approved_by}
            return bool(usable)

        def maker_or(self, one: Known, who: int | None) -> Actor:
            return cast[who] if who is not None else next(it for it in cast if it.person_id == one.maker)

        @initialize(target=requests)
        def a_large_one_waits(self) -> Known | None:
            return self.entered(0, LIMIT, 0)

        @rule(target=requests, who=WHO, amount=AMOUNTS, loan=st.integers(0, 3))
        def make(self, who: int, amount: int, loan: int) -> Known | None:
            return self.entered(who, amount, loan)

        def entered(self, who: int, amount: int, loan: int) -> Known | None:
            actor, name = cast[who], f"L{self.example}-{loan}"
            same = [one for one in self.known if one.loan == name and one.is_open]
            try:
                made = ask(store, actor, amount, name, now=self.now)
            except OpenAlready:
                assert any(self.now < one.expires_at for one in same)
                return None
            except Refused:
                assert actor.role is Role.MANAGER  # no maker of this kind
                return None
            for one in same:
                assert self.now >= one.expires_at
                one.go(RequestState.EXPIRED)
            self.known.append(Known(made.request_id, actor.person_id, name, amount, self.now))
            return self.known[-1]

        @rule(one=requests, who=LIKELY, what=st.sampled_from(["approve", "approve", "return", "reject"]))
        def somebody_decides(self, one: Known | None, who: int | None, what: str) -> None:
            self.decide(one, who, what)

        def decide(self, one: Known | None, who: int | None, what: str) -> None:
            if one is None:
                return
            able = [somebody for somebody in cast if self.may(one, somebody)]
            actor = cast[who] if who is not None else able[-1] if able else cast[0]
            before = approvals.read_request(cast[0], store, now=self.now, request_id=one.request_id).item
            allowed = one.state is RequestState.WAITING and self.now < one.expires_at and self.may(one, actor)
            key = self.key()
            try:
                done = decide(store, actor, before, what, now=self.now, key=key)
            except DomainError:
                assert not allowed
                return
            assert allowed
            assert decide(store, actor, before, what, now=self.now, key=key) == done
            self.decided(one, actor, what)
            # whoever read the same and comes second changes nothing
            for late in {actor, cast[0]}:
                try:
                    decide(store, late, before, now=self.now, key=self.key())
                except Conflict:
                    continue
                raise AssertionError("a request was decided twice on one reading")

        def decided(self, one: Known, actor: Actor, what: str) -> None:
            one.approved_by |= {actor.person_id, self.principal_used(one, actor)}
            if what == "approve" and one.level + 1 < len(one.levels):
                one.level += 1
                one.go(RequestState.WAITING)
                return
            after = {"approve": RequestState.APPROVED, "reject": RequestState.REJECTED, "return": RequestState.RETURNED}
            one.go(after[what])

        def principal_used(self, one: Known, actor: Actor) -> str:
            history = approvals.read_request(cast[0], store, now=self.now, request_id=one.request_id).history
            used = history[-1].principal_id
            assert used in self.principals(actor, one.levels[one.level])
            return used

        @rule(one=requests, who=LIKELY, amount=AMOUNTS)
        def somebody_resubmits(self, one: Known | None, who: int | None, amount: int) -> None:
            self.resubmit(one, who, amount)

        def resubmit(self, one: Known | None, who: int | None, amount: int) -> None:
            if one is None:
                return
            actor = self.maker_or(one, who)
            allowed = one.state is RequestState.RETURNED and actor.person_id == one.maker and self.now < one.expires_at
            try:
                approvals.resubmit(
                    actor, store, now=self.now, request_id=one.request_id, expected_version=one.version,
                    arguments={"loan_id": one.loan, "n": amount}, amount_minor=amount, currency="CNY",
                    reason="once more", key=self.key(),
                )  # fmt: skip
            except DomainError:
                assert not allowed
                return
            assert allowed
            one.ask(amount, self.now)
            one.go(RequestState.WAITING)

        @rule(one=requests, amount=AMOUNTS)
        def climb_and_come_back(self, one: Known | None, amount: int) -> None:
            """The long way, which chance alone seldom walks."""
            for what in ("approve", "return"):
                self.decide(one, None, what)
            self.resubmit(one, None, amount)

        @rule(one=requests, who=WHO)
        def withdraw(self, one: Known | None, who: int | None) -> None:
            if one is None:
                return
            actor = self.maker_or(one, who)
            allowed = one.is_open and actor.person_id == one.maker and self.now < one.expires_at
            try:
                approvals.withdraw(
                    actor, store, now=self.now, request_id=one.request_id, expected_version=one.version,
                    reason="mistaken", key=self.key(),
                )  # fmt: skip
            except DomainError:
                assert not allowed
                return
            assert allowed
            one.go(RequestState.WITHDRAWN)

        @rule(giver=WHO, taker=WHO, days=st.integers(1, 20), later=st.integers(0, 3))
        def delegate(self, giver: int, taker: int, days: int, later: int) -> None:
            one, other = cast[giver], cast[taker]
            starts = self.now + timedelta(days=later)
            higher = other.role is one.role or other.role is Role.MANAGER
            allowed = one is not other and higher
            try:
                made = approvals.delegate(
                    one, store, now=self.now, to_person_id=other.person_id, starts_at=starts,
                    ends_at=starts + timedelta(days=days), reason="on leave", key=self.key(),
                )  # fmt: skip
            except DomainError:
                assert not allowed
                return
            assert allowed
            self.given.append([one, other, made.starts_at, made.ends_at, made])

        @precondition(lambda self: self.given)
        @rule(which=st.integers(0, 99))
        def end_delegation(self, which: int) -> None:
            one = self.given.pop(which % len(self.given))
            approvals.end_delegation(
                one[0], store, now=self.now, delegation_id=one[4].delegation_id, expected_version=1
            )

        @rule(days=st.sampled_from([0, 1, 3, 14]))
        def time_passes(self, days: int) -> None:
            self.now += timedelta(days=days, seconds=1)

        @rule()
        def expire(self) -> None:
            over = [one for one in self.known if one.is_open and self.now >= one.expires_at]
            # other examples left requests open on this store, so at least these expire
            assert approvals.expire_requests(SYSTEM, store, now=self.now, limit=100_000) >= len(over)
            for one in over:
                one.go(RequestState.EXPIRED)

        @invariant()
        def the_store_is_what_the_model_says(self) -> None:
            for one in self.known:
                item = approvals.read_request(cast[0], store, now=self.now, request_id=one.request_id).item
                assert (item.state, item.version, item.levels) == (one.state, one.version, tuple(one.levels))
                assert item.level_no == one.level + 1
            done = sum(one.state is RequestState.APPROVED for one in self.known)
            assert effects(store) - self.effects_before == done

        @invariant()
        def queues_hold_what_may_be_decided(self) -> None:
            mine = {one.request_id for one in self.known}
            for actor in cast:
                page = approvals.list_requests(actor, store, now=self.now, only_mine=True, page_size=500)
                expected = {
                    one.request_id
                    for one in self.known
                    if one.state is RequestState.WAITING and self.now < one.expires_at and self.may(one, actor)
                }
                assert {row.request_id for row in page.rows} & mine == expected

        def teardown(self) -> None:
            assert verify_approvals(store).state == "holds"
            for giver, _, _, _, made in self.given:
                approvals.end_delegation(
                    giver, store, now=self.now, delegation_id=made.delegation_id, expected_version=1
                )

    return Desk


def test_the_engine_answers_as_a_plain_model_does(sqlite_url: str) -> None:
    store = Store.open(sqlite_url)
    with_rules(store)
    roles = [Role.SUPERVISOR] * 3 + [Role.MANAGER] * 2 + [Role.FINANCE]
    cast = [a_person(store, f"P{number}", role) for number, role in enumerate(roles)]
    with kinds_of_the_tests():
        run_state_machine_as_test(
            machine(store, cast),
            settings=settings(
                max_examples=12,
                stateful_step_count=20,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking against a store takes minutes
            ),
        )
    store.close()
