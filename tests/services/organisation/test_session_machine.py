"""Whatever people and administrators do in whatever order: a token opens the house exactly when it should."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import count

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test

from ops_app.domain.errors import Refused
from ops_app.domain.organisation.people import Actor, Role
from ops_app.services.organisation import people, sessions
from ops_app.services.organisation.sign_in import ABSOLUTE_LIMIT, IDLE_LIMIT, SignInRefused, actor_of, sign_in
from ops_app.services.organisation.verify import verify_audit
from ops_app.store.store import Store
from tests.services.organisation.conftest import NOW

ROLES = [Role.SUPERVISOR, Role.FINANCE, Role.ANALYST, Role.OPERATOR]
_EXAMPLES = count()


class Someone:
    """What the model knows of a person."""

    def __init__(self, created: people.CreatedPerson) -> None:
        self.name = created.person.sign_in_name
        self.person_id = created.person.person_id
        self.password = created.temporary_password
        self.role = created.person.role
        self.version = 1
        self.active = True
        self.tokens: dict[str, list[datetime]] = {}  # open token → [begun, last seen]
        self.closed: list[str] = []

    def close_all(self) -> None:
        self.closed += self.tokens
        self.tokens = {}


def machine(store: Store, admin: Actor) -> type[RuleBasedStateMachine]:
    """The machine on ``store``; each example has people of its own."""

    class House(RuleBasedStateMachine):
        everybody = Bundle("everybody")

        def __init__(self) -> None:
            super().__init__()
            self.example = next(_EXAMPLES)
            self.now = NOW
            self.people: list[Someone] = []

        @rule(target=everybody, role=st.sampled_from(ROLES))
        def join(self, role: Role) -> Someone:
            name = f"p{self.example}-{len(self.people)}"
            made = people.create_person(admin, store, now=self.now, sign_in_name=name, display_name=name, role=role)
            self.people.append(Someone(made))
            return self.people[-1]

        @rule(who=everybody)
        def sign_in_rightly(self, who: Someone) -> None:
            try:
                token = sign_in(store, now=self.now, name=who.name, password=who.password).token
            except SignInRefused:
                assert not who.active
            else:
                assert who.active
                who.tokens[token] = [self.now, self.now]

        @rule(who=everybody)
        def sign_in_wrongly(self, who: Someone) -> None:
            try:
                sign_in(store, now=self.now, name=who.name, password="wrong")
            except SignInRefused:
                self.now += timedelta(minutes=16)  # longer than any delay, so that the model need not count
            else:
                raise AssertionError("a wrong password opened the house")

        @rule(who=everybody, everywhere=st.booleans())
        def leave(self, who: Someone, everywhere: bool) -> None:
            for token in list(who.tokens)[:1]:
                actor = actor_of(store, token, now=self.now)
                if actor is None:
                    continue
                if everywhere:
                    sessions.sign_out_everywhere(actor, store, now=self.now)
                    who.close_all()
                else:
                    sessions.sign_out(actor, store, now=self.now)
                    del who.tokens[token]
                    who.closed.append(token)

        @rule(who=everybody, role=st.sampled_from(ROLES))
        def move(self, who: Someone, role: Role) -> None:
            people.change_role(
                admin, store, now=self.now, person_id=who.person_id, version=who.version, role=role, reason="moved"
            )
            who.role, who.version = role, who.version + 1
            who.close_all()

        @rule(who=everybody)
        def reset(self, who: Someone) -> None:
            who.password = people.reset_password(
                admin, store, now=self.now, person_id=who.person_id, version=who.version, reason="forgot"
            )
            who.version += 1
            who.close_all()

        @rule(who=everybody, active=st.booleans())
        def set_active(self, who: Someone, active: bool) -> None:
            change = people.reactivate_person if active else people.deactivate_person
            change(admin, store, now=self.now, person_id=who.person_id, version=who.version, reason="because")
            who.active, who.version = active, who.version + 1
            who.close_all()

        @rule(minutes=st.sampled_from([1, 14, 29, 31, 200, 721]))
        def wait(self, minutes: int) -> None:
            self.now += timedelta(minutes=minutes)

        @rule(who=consumes(everybody))
        def forget(self, who: Someone) -> None:
            """Nobody does anything about this person any more; their sessions run on."""

        @invariant()
        def a_token_opens_exactly_when_it_should(self) -> None:
            for who in self.people:
                for token, (begun, seen) in list(who.tokens.items()):
                    actor = actor_of(store, token, now=self.now)
                    open_ = self.now - begun < ABSOLUTE_LIMIT and self.now - seen < IDLE_LIMIT
                    assert (actor is not None) == open_, (who.name, begun, seen, self.now)
                    if actor is None:
                        who.closed.append(token)
                        del who.tokens[token]
                    else:
                        assert (actor.role, actor.person_id) == (who.role, who.person_id)
                        if self.now - seen >= timedelta(minutes=1):
                            who.tokens[token][1] = self.now
                for token in who.closed:
                    assert actor_of(store, token, now=self.now) is None

    return House


def test_a_token_opens_the_house_exactly_when_it_should(store: Store, admin: Actor) -> None:
    run_state_machine_as_test(
        machine(store, admin),
        settings=settings(
            max_examples=12, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
    assert verify_audit(store).state == "holds"


def test_two_administrators_who_remove_each_other_at_once_leave_one(store: Store, admin: Actor) -> None:
    for round_ in range(4):
        made = people.create_person(
            admin, store, now=NOW, sign_in_name=f"other{round_}", display_name="O", role=Role.ADMINISTRATOR
        )
        ghost = Actor(person_id="p-ghost", name="G", role=Role.ADMINISTRATOR)
        second = made.person.person_id
        listed = {person.person_id: person for person in people.list_people(ghost, store, now=NOW).rows}

        def remove(
            person_id: str, listed: dict[str, people.Person] = listed, ghost: Actor = ghost
        ) -> people.Person | None:
            try:
                return people.deactivate_person(
                    ghost, store, now=NOW, person_id=person_id, version=listed[person_id].version, reason="out"
                )
            except Refused:
                return None

        with ThreadPoolExecutor(2) as pool:
            removed = [person for person in pool.map(remove, [admin.person_id, second]) if person is not None]
        assert len(removed) == 1
        for person in removed:
            people.reactivate_person(
                ghost, store, now=NOW, person_id=person.person_id, version=person.version, reason="back"
            )
        spare = people.list_people(ghost, store, now=NOW, wanted=people.PeopleFilter(text=f"other{round_}")).rows[0]
        people.deactivate_person(
            ghost, store, now=NOW, person_id=spare.person_id, version=spare.version, reason="round is over"
        )
