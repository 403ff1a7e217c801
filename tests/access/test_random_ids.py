"""Random and foreign identifiers through every door of an agency: nothing of anybody else, and no answer that tells."""

from __future__ import annotations

import random
from contextlib import closing
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from ops_app.bootstrap import App
from ops_app.consoles.kit.context import use_app
from ops_app.domain.casework.cases import NoSuchCase, case_id, debtor_key
from ops_app.domain.casework.flags import Flag
from ops_app.domain.casework.personal import PersonalField
from ops_app.domain.casework.requests import CaseRequestKind
from ops_app.domain.errors import NotFound
from ops_app.domain.organisation.exports import ExportState
from ops_app.domain.organisation.people import Actor, Role
from ops_app.gateways.sql_sandbox import run_query
from ops_app.server import SCRIPT
from ops_app.services.casework.assigning import unassign_cases
from ops_app.services.casework.attaching import Incoming, add_attachment
from ops_app.services.casework.cases import cases_of_ids, read_case
from ops_app.services.casework.moving import set_flag
from ops_app.services.casework.unmasking import unmask
from ops_app.services.organisation.agency_staff import reset_agency_password
from ops_app.services.organisation.exports import Asked, change, new_export
from ops_app.store.organisation import exports
from ops_app.store.tables.organisation import audit_log
from pipelines.publish import publish_snapshots
from pipelines.warehouse import Warehouse, connect
from tests.access.test_pages import session_of
from tests.access.world import THEN, World
from tests.clock import FixedClock
from tests.consoles.conftest import page, words
from tests.consoles.gate import behind_the_gate
from tests.services.casework.asking import ask
from tests.services.casework.casebook import (
    AG2,
    NOW,
    WHY,
    a_collector,
    a_debtor,
    a_spell,
    assigned,
    placed,
    taken_in,
)

OWN, FOREIGN = range(8001, 8011), range(8101, 8201)
DAY = date(2026, 3, 10)
FEW, MANY = 300, 10_000


class Book:
    """Ten cases with AG01, a hundred elsewhere: with AG02, in house, recalled."""

    def __init__(self, app: App) -> None:
        object.__setattr__(app, "clock", FixedClock(THEN))
        use_app(app)
        self.app, self.evidence = app, app.settings.evidence
        numbers = [*OWN, *FOREIGN]
        taken_in(
            app.store, self.evidence, *(a_spell(n, days_past_due=n % 100) for n in numbers),
            debtors=[a_debtor(n) for n in numbers],
        )  # fmt: skip
        self.own = {case_id("SIM", f"L{n}", 1) for n in OWN}
        self.foreign = [case_id("SIM", f"L{n}", 1) for n in FOREIGN]
        placed(app.store, "AG01", *self.own)
        placed(app.store, "AG02", *self.foreign[:50])
        self.mine, self.hers = a_collector(app.store, "mine", "AG01"), a_collector(app.store, "hers", "AG02")
        self.files = [self._file(n) for n in range(20)]
        self.attached = {one: self._attached(one) for one in self.foreign[:5]}
        assigned(app.store, AG2, self.hers, *self.foreign[:5])
        self.requests = [
            ask(app.store, self.evidence, self.hers, one, CaseRequestKind.DOCUMENTS) for one in self.foreign[:5]
        ]

    def _attached(self, one: str) -> str:
        """The file that somebody else attached to a case of theirs."""
        file = Incoming("letter.txt", one.encode(), sha256(one.encode()).hexdigest())
        return add_attachment(AG2, self.app.store, now=NOW, case_id=one, file=file).attachment_id

    def _file(self, number: int) -> str:
        """The living link of somebody else."""
        one = new_export(THEN, self.hers, Asked("cases", "Cases", {}, 3, "csv", "for work"), ExportState.REQUESTED)
        ready = {"state": "ready", "released_by": "p-other", "released_at": THEN, "made_at": THEN, "file_bytes": 1,
                 "until_at": THEN + timedelta(hours=24), "file_sha256": f"{number:064d}"}  # fmt: skip
        with self.app.store.writing(self.hers, THEN) as transaction:
            exports.add(transaction.connection, one)
            change(transaction, one, ready)
            transaction.audit("test.export", "export", one.number)
        return one.export_id

    def world(self) -> World:
        return World({"own": next(iter(self.own))}, self.mine, self.hers)

    def identifiers(self, count: int) -> list[str]:
        """Foreign ids, ids that differ from one's own or a foreign one in a sign, and random ones."""
        stream, found = random.Random(count), []
        for number in range(count):
            real = stream.choice(self.foreign)
            near = list(stream.choice([real, stream.choice(sorted(self.own))]))
            near[stream.randrange(len(near))] = stream.choice("0123456789abcdef")
            made = [real, "".join(near), f"{stream.getrandbits(128):032x}"][number % 3]
            found.append(real if made in self.own else made)
        return found

    def acts(self) -> int:
        with self.app.store.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(audit_log)).scalar_one())


@pytest.fixture
def book(app: App) -> Book:
    return Book(app)


AG01 = Actor("p-agency-supervisor", "Gao", Role.AGENCY_SUPERVISOR, "AG01")
ADMINISTRATOR = Actor("p-agency-administrator", "Ai", Role.AGENCY_ADMINISTRATOR, "AG01")


def services(book: Book, ids: list[str]) -> int:
    """Every id through reading, one of the acts that write, and finding: one answer, and not a row in the log."""
    before, answers, rows = book.acts(), set(), 0
    store = book.app.store
    writing = (
        (unmask, {"field": PersonalField.PHONES, "reason": WHY, "evidence": book.evidence}),
        (set_flag, {"version": 1, "flag": Flag.DISPUTE, "reason": WHY}),
    )
    for number, one in enumerate(ids):
        act, given = writing[number % 2]
        actor = (AG01, book.mine)[number // 2 % 2]
        for tried, values in ((read_case, {}), (act, given)):
            with pytest.raises(NoSuchCase) as said:
                tried(actor, store, now=THEN, case_id=one, **values)  # type: ignore[operator]
            answers.add((said.value.en, said.value.zh, said.value.field))
    for one in ids[:100]:
        with pytest.raises(NoSuchCase) as said:
            unassign_cases(AG01, store, now=THEN, wanted={one: 1}, reason=WHY)
        answers.add((said.value.en, said.value.zh, said.value.field))
    for at in range(0, len(ids), 500):
        rows += len(cases_of_ids(AG01, store, now=THEN, ids=ids[at : at + 500]))
    for person_id in [book.hers.person_id, *(f"p-{one[:16]}" for one in ids[:20])]:
        with pytest.raises(NotFound) as nobody:
            reset_agency_password(ADMINISTRATOR, store, now=THEN, person_id=person_id, version=1, reason=WHY)
        answers.add(nobody.value.en)
    assert len(answers) == 2, "one answer for cases, one for people"
    assert book.acts() == before, "what was refused left nothing"
    return rows


def routes(book: Book, ids: list[str], token: str) -> int:
    """Ids of cases, files and requests through the API: the same status and body for missing and foreign."""
    addresses = (
        "exports/{}/file", "approvals/r-{}", "breaks/{}", "cases/{}/posting?amount_minor=1", "cases/{}/files/{}",
        "case-requests/{}", "case-requests/cq-{}/files/{}", "imports/{}", "imports/{}/refused",
    )  # fmt: skip
    wanted = [(0, one) for one in book.files] + [(number % len(addresses), one) for number, one in enumerate(ids)]
    wanted += [(5, one) for one in book.requests] + [(4, one) for one in book.attached]
    answers: dict[int, set[tuple[int, str]]] = {door: set() for door in range(len(addresses))}
    with TestClient(behind_the_gate(book.app), base_url="http://testserver", follow_redirects=False) as client:
        client.cookies.set("recoup_session", token)
        for door, one in wanted:
            file = book.attached.get(one, one)
            answer = client.get(f"/api/v1/{addresses[door].format(one, file)}")
            answers[door].add((answer.status_code, answer.text))
    assert {name: len(found) for name, found in answers.items()} == dict.fromkeys(answers, 1)
    assert {status for found in answers.values() for status, _ in found} <= {403, 404}
    with book.app.store.reading() as connection:
        assert all((kept := exports.by_id(connection, one)) and kept.fetches == 0 for one in book.files)
    return 0


def pages(ids: list[str]) -> int:
    """Ids in the address of the agency's page; it shows its own ten and nothing else. How many foreign it showed."""
    at = AppTest.from_file(str(SCRIPT), default_timeout=60).run()
    at.switch_page(page("agency_cases").file).run()
    shown = 0
    for one in ids:
        at.query_params["case_id"] = one
        at.run()
        assert not at.exception
        text = words(at)
        shown += sum(f"L{number}" in text or f"王{number}" in text for number in FOREIGN)
        assert "L8001" in text
    return shown


def sql(app: App, ids: list[str]) -> int:
    """Ids asked of the snapshot that an agency is published, table by table; how many foreign rows came."""
    warehouse = Warehouse(app.settings.warehouse_path)
    with warehouse.open() as connection:
        connection.execute("create schema if not exists marts")
        connection.execute(
            "create table marts.dim_agencies as select * from (values ('AG01'), ('AG02')) t(agency_code)"
        )
        every = [(case_id("SIM", f"L{n}", 1), "AG01") for n in OWN]
        every += [(case_id("SIM", f"L{n}", 1), "AG02" if n < FOREIGN[50] else None) for n in FOREIGN]
        connection.execute(
            "create table marts.fct_case_days (case_id varchar, business_date date, agency_code varchar)"
        )
        for one, agency in every:
            connection.execute("insert into marts.fct_case_days values (?, ?, ?)", [one, DAY, agency])
        for table in ("fct_assignments", "fct_console_actions", "fct_no_agency"):
            columns = "case_id" if table == "fct_no_agency" else "case_id, agency_code"
            connection.execute(f"create table marts.{table} as select {columns} from marts.fct_case_days")
        connection.execute(
            "create table marts.dim_cases as select case_id, case_id as customer_key, null::date as closed_date,"
            " null::varchar as close_reason, null::date as reached_30_date, null::decimal(18, 2) as reached_30_balance,"
            " null::date as reached_90_date, null::decimal(18, 2) as reached_90_balance,"
            " null::date as written_off_date, null::decimal(18, 2) as written_off_balance from marts.fct_case_days"
        )
        connection.execute(
            "create table marts.dim_customers as select case_id as customer_key from marts.fct_case_days"
        )
    publish_snapshots(warehouse, app.settings, DAY)
    by_case = ("dim_cases", "fct_case_days", "fct_assignments", "fct_console_actions", "fct_no_agency")
    tables = dict.fromkeys(by_case, "case_id") | {"dim_customers": "customer_key"}
    rows = 0
    for name, column in tables.items():
        for at in range(0, len(ids), 2_500):
            listed = ", ".join(f"'{one}'" for one in ids[at : at + 2_500])
            found = run_query(
                app.settings, f"select {column} from {name} where {column} in ({listed})", audience="agency-AG01"
            )
            rows += len(found.rows)
    own = run_query(app.settings, "select count(*) from dim_cases", audience="agency-AG01")
    assert own.rows == [[len(OWN)]], "its own are there"
    foreign = {debtor_key("SIM", f"C{n}") for n in FOREIGN} | {case_id("SIM", f"L{n}", 1) for n in FOREIGN}
    folder = app.settings.published / "agency-AG01"
    file = next(folder.glob("*.duckdb"))
    with closing(connect(file, read_only=True)) as opened:
        assert opened.execute("select count(*) from dim_cases").fetchone() == (len(OWN),)
    content = file.read_bytes()
    assert not any(one.encode() in content for one in foreign), "not even as bytes of the file"
    return rows


def through_every_door(
    book: Book, holding: object, count: int, opened: int, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = book.identifiers(count)
    token = session_of(book.app, book.world(), Role.AGENCY_SUPERVISOR)
    found = {"services": services(book, ids), "routes and exports": routes(book, ids, token)}
    holding(token)  # type: ignore[operator]
    found["pages"] = pages(ids[:: max(1, count // opened)])
    found["sql"] = sql(book.app, ids)
    with capsys.disabled():
        print(f"\n{count} identifiers across agencies, foreign rows: {found}")
    assert set(found.values()) == {0}


def test_some_hundred_identifiers_find_nothing_that_is_foreign(
    book: Book, holding: object, capsys: pytest.CaptureFixture[str]
) -> None:
    through_every_door(book, holding, FEW, 6, capsys)


@pytest.mark.slow
def test_ten_thousand_identifiers_find_nothing_that_is_foreign(
    book: Book, holding: object, capsys: pytest.CaptureFixture[str]
) -> None:
    through_every_door(book, holding, MANY, 200, capsys)


def test_a_foreign_row_that_is_published_is_seen(app: App, tmp_path: Path) -> None:
    """What ``recoup verify`` says when an agency's snapshot holds another's row."""
    import duckdb

    from pipelines.durable import sha256_of
    from pipelines.verify import verify_audiences

    folder = app.settings.published / "agency-AG01"
    folder.mkdir(parents=True)
    for agency, state in (("AG01", "holds"), ("AG02", "broken")):
        file = folder / f"2026-03-10_{agency}.duckdb"
        with closing(duckdb.connect(str(file))) as made:
            made.execute(f"create table fct_case_days as select 'c' as case_id, '{agency}' as agency_code")
        pointer = f'{{"name": "{file.name}", "sha256": "{sha256_of(file)}", "build_id": "b"}}'
        (folder / "current.json").write_text(pointer)
        finding = verify_audiences(app.settings)
        assert finding.state == state
    assert finding.detail == "agency-AG01: table fct_case_days has others' rows"
