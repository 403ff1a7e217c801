"""A book of a million cases, written set-wise: made once in DuckDB by a rule, then copied into either kind of store.

Two in five cases are with twenty agencies, as many in house; nine of ten of those have one of 200 collectors. Every
tenth case carries a tag, every fifth loan was placed before. The same number of rows gives the same book.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import psycopg
import pysqlite3.dbapi2 as driver
from sqlalchemy import Table, create_mock_engine
from sqlalchemy.schema import CreateIndex

from ops_app.domain.casework.personal import Term
from ops_app.domain.organisation.people import SYSTEM, Actor, Role, person_id_of
from ops_app.services.organisation.people import enter_person, new_person
from ops_app.store.casework.keys import PersonalKey
from ops_app.store.store import Store
from ops_app.store.tables.case_record import case_tags
from ops_app.store.tables.casework import assignments, case_events, cases, debtor_terms, debtors, placements

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
DAY = date(2026, 11, 23)
AGENCIES = 20
COLLECTORS = 200
_AT_ONCE = 20_000
TABLES = (debtors, debtor_terms, cases, case_events, placements, assignments, case_tags)

_CASES = """
create table book as
select n, md5('case' || n) as case_id, 'SIM' as source_code, 'L' || lpad(n::varchar, 9, '0') as loan_id, 1 as spell_no,
    md5('debtor' || (n * 7 // 10)) as debtor_key, 'C' || (n * 7 // 10) as customer_id, 'BANK' as lender_code,
    'p2p_loan' as product_code, '110000' as region_code, 'CNY' as currency,
    hash(n || 'b') % 5000000 + 100 as balance_minor, hash(n || 'd') % 1500 + 1 as days_past_due,
    (date '2023-11-24' + (hash(n || 'o') % 1096)::int) as opened_date, hash(n || 'c') % 100 as lot,
    'AG' || lpad((hash(n || 'a') % {agencies} + 1)::varchar, 2, '0') as agency, hash(n || 'p') % 10 as tenth,
    hash(n || 'w') % {collectors} as worker
from range({rows}) as numbers(n);
create table stood as
select *, case when lot < 40 then 'placed' when lot < 80 then 'in_house' when lot < 90 then 'to_be_placed'
    when lot < 95 then 'recalled' else 'ended' end as custody from book;
create table held as
select s.*, p.person_id as collector_id
from (
    select s.*, w.house, s.worker % w.of as nth from stood as s
    left join (select house, any_value("of") as "of" from workers group by house) as w
        on w.house = case s.custody when 'placed' then s.agency when 'in_house' then '' end and s.tenth < 9
) as s left join workers as p on p.house = s.house and p.nth = s.nth;
"""

_SELECTS: dict[str, str] = {
    "debtors": "select distinct debtor_key, source_code, customer_id, '王**' as name_masked,"
    " '****' || right(debtor_key, 4) as national_id_masked, '****' || lpad((n * 7 // 10 % 10000)::varchar, 4, '0')"
    " as phone_masked, sha256(debtor_key) as person_hash, 'zh' as language, 'Asia/Shanghai' as timezone,"
    " 'm' as content_mark from (select debtor_key, source_code, customer_id, min(n) as n from held group by all)",
    "debtor_terms": "select t.term, t.term_hash, d.debtor_key from (select distinct debtor_key, kind, case kind"
    " when 'name' then hash(n * 7 // 10 || 'n') % 2000 else hash(n * 7 // 10 || kind) % 10000 end as nth"
    " from held, (select distinct term as kind from terms)) as d join terms as t on t.term = d.kind and t.nth = d.nth",
    "cases": "select case_id, source_code, loan_id, spell_no, debtor_key, customer_id, lender_code, product_code,"
    " region_code, currency, balance_minor::bigint as principal_minor, 0 as interest_minor, 0 as fees_minor,"
    " 0 as penalty_minor, balance_minor::bigint as balance_minor, days_past_due::int as days_past_due, 'M1' as bucket,"
    " date '2026-11-23' as as_of_date, case custody when 'placed' then case when tenth = 0 then 'retained' else"
    " 'placed' end when 'in_house' then case when tenth < 9 then 'in_house' else 'to_assign' end"
    " when 'recalled' then 'returned' when 'ended' then 'closed' else custody end as state, null as state_before,"
    " custody, case when custody = 'placed' then agency end as agency_code, collector_id, '' as flags, opened_date,"
    " 'all' as opened_rule, 1 as opened_rule_version, 'f' as opened_file_id, n as opened_line_no,"
    " case when custody = 'ended' then date '2026-11-01' end as closed_date,"
    " case when custody = 'ended' then 'paid' end as close_reason, null as closed_rule_version,"
    " null as closed_file_id, null as closed_line_no, null as written_off_date, 1 as event_count, 1 as version"
    " from held",
    "case_events": "select case_id, 1 as nth, 'opened' as what, null as from_state, 'entered' as to_state,"
    " 'in_house' as custody, 'loans feed' as reason, '{}' as detail_json, 'system' as made_by,"
    " 'Recoup' as made_by_name, timestamp '2026-09-01 00:00:00' as made_at from held",
    "placements": "select md5('now' || n) as placement_id, case_id, 2 as nth, agency as agency_code,"
    " timestamp '2026-10-01 00:00:00' + interval (n % 80000) seconds as placed_at,"
    " timestamp '2026-12-31 00:00:00' + interval (n % 80000) seconds as due_at,"
    " timestamp '2026-10-04 00:00:00' as first_contact_due_at, 'p-sup' as placed_by,"
    " balance_minor::bigint as placed_balance_minor, currency, null as ended_at, null as end_reason,"
    " null as ended_by, null as ended_balance_minor, null as end_note, null::date as tail_until_date,"
    " null::timestamp as first_touch_at, null::timestamp as last_touch_at from held where custody = 'placed'"
    " union all select md5('then' || n), case_id, 1, agency, timestamp '2025-10-01 00:00:00' + interval (n % 80000)"
    " seconds, timestamp '2026-02-01 00:00:00', timestamp '2025-10-04 00:00:00', 'p-sup', balance_minor::bigint,"
    " currency, timestamp '2026-01-01 00:00:00' + interval (n % 80000) seconds, 'recalled', 'p-sup',"
    " balance_minor::bigint, null, null, null, null from held where n % 5 = 0",
    "assignments": "select md5('hers' || n) as assignment_id, case_id, 1 as nth, collector_id,"
    " case when custody = 'placed' then agency end as agency_code, timestamp '2026-10-02 00:00:00' as assigned_at,"
    " 'p-sup' as assigned_by, null as ended_at, null as end_reason, null as ended_by from held"
    " where collector_id is not null",
    "case_tags": "select md5('tag' || n) as tagging_id, case_id, case when custody = 'placed' and n % 20 = 0"
    " then agency else '' end as house, 'promising' as tag, 'p-sup' as tagged_by, 'Sun' as tagged_by_name,"
    " timestamp '2026-10-05 00:00:00' + interval (n % 80000) seconds as tagged_at, null as removed_by,"
    " null as removed_at from held where n % 10 = 0",
}


def readers() -> dict[str, Actor]:
    """A supervisor of the asset company, one of an agency, a collector of that agency and one in house."""
    return {
        "supervisor": Actor("p-sup", "Sun", Role.SUPERVISOR),
        "agency supervisor": Actor("p-ag1", "Gao", Role.AGENCY_SUPERVISOR, "AG01"),
        "agency collector": _collector(0),
        "collector": _collector(COLLECTORS - 1),
    }


def _collector(number: int) -> Actor:
    return Actor(person_id_of(_name(number)), f"Worker {number}", Role.COLLECTOR, _house(number) or None)


def _name(number: int) -> str:
    return f"worker-{number:04d}"


def _house(number: int) -> str:
    return f"AG{number % AGENCIES + 1:02d}" if number < COLLECTORS * 3 // 4 else ""


def write_book(store: Store, evidence: Path, rows: int) -> None:
    """Fill an empty, migrated store with ``rows`` cases and all that belongs to them."""
    key = PersonalKey.load_or_make(evidence, sealed_with=None)
    with store.writing(SYSTEM, NOW) as transaction:
        for number in range(COLLECTORS):
            one = _collector(number)
            person = new_person(NOW, _name(number), one.name, one.role, one.agency_code, "en")
            enter_person(transaction, person, "no-password-opens-this")
    with duckdb.connect() as made:
        made.execute("set threads to 2; set memory_limit = '2GB'")
        _workers(made)
        _terms(made, key)
        made.execute(_CASES.format(agencies=AGENCIES, collectors=COLLECTORS, rows=rows))
        copy = _into_sqlite if store.dialect == "sqlite" else _into_postgresql
        copy(store, made)


def _workers(made: duckdb.DuckDBPyConnection) -> None:
    people = [(_house(number), _collector(number).person_id) for number in range(COLLECTORS)]
    made.execute("create table listed (house varchar, person_id varchar)")
    made.executemany("insert into listed values (?, ?)", people)
    made.execute(
        "create table workers as select *, row_number() over (partition by house order by person_id) - 1 as nth,"
        ' count(*) over (partition by house) as "of" from listed'
    )


def _terms(made: duckdb.DuckDBPyConnection, key: PersonalKey) -> None:
    """Names as common as names are, tails of four digits, and the keyed hashes that stand for them."""
    rows = [(Term.NAME.value, nth, key.blind(Term.NAME, f"王{nth}")) for nth in range(2_000)]
    for term in (Term.PHONE_TAIL, Term.ID_TAIL):
        rows += [(term.value, nth, key.blind(term, f"{nth:04d}")) for nth in range(10_000)]
    made.execute("create table terms (term varchar, nth bigint, term_hash varchar)")
    made.register("_terms", pl.DataFrame(rows, schema=["term", "nth", "term_hash"], orient="row"))
    made.execute("insert into terms select * from _terms")


def _batches(made: duckdb.DuckDBPyConnection, table: Table) -> Iterator[list[tuple[Any, ...]]]:
    names = ", ".join(table.c.keys())
    result = made.execute(f"select {names} from ({_SELECTS[table.name]})")
    while batch := result.fetchmany(_AT_ONCE):
        yield batch


def _indexes(tables: Sequence[Table], dialect: str) -> list[tuple[str, str]]:
    """Name and statement of every index: each is made once its table is full."""
    found: list[tuple[str, str]] = []
    engine = create_mock_engine(f"{dialect}://", lambda *_: None)
    for table in tables:
        for index in sorted(table.indexes, key=lambda one: str(one.name)):
            found.append((str(index.name), str(CreateIndex(index).compile(dialect=engine.dialect))))
    return found


def _into_sqlite(store: Store, made: duckdb.DuckDBPyConnection) -> None:
    with driver.connect(str(store.file), isolation_level=None) as raw:
        raw.execute("pragma synchronous = off")
        raw.execute("pragma cache_size = -400000")
        indexes = _indexes(TABLES, "sqlite")
        for name, _ in indexes:
            raw.execute(f'drop index "{name}"')
        raw.execute("begin")
        for table in TABLES:
            marks = ", ".join("?" * len(table.c))
            for batch in _batches(made, table):
                raw.executemany(f"insert into {table.name} values ({marks})", map(_text_of_moments, batch))
        for _, statement in indexes:
            raw.execute(statement)
        raw.execute("commit")
        raw.execute("pragma wal_checkpoint(truncate)")
    raw.close()


def _text_of_moments(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(
        value.strftime("%Y-%m-%d %H:%M:%S.%f")
        if isinstance(value, datetime)
        else value.isoformat()
        if isinstance(value, date)
        else value
        for value in row
    )


def _into_postgresql(store: Store, made: duckdb.DuckDBPyConnection) -> None:
    with psycopg.connect(store.url.render_as_string(hide_password=False)) as raw:
        indexes = _indexes(TABLES, "postgresql")
        for name, _ in indexes:
            raw.execute(f'drop index "{name}"'.encode())
        raw.execute(b"set session_replication_role = replica")  # no foreign key is looked up row by row
        raw.execute(b"set time zone 'UTC'")
        raw.execute(b"set maintenance_work_mem = '256MB'")
        for table in TABLES:
            with raw.cursor().copy(f"copy {table.name} ({', '.join(table.c.keys())}) from stdin".encode()) as copy:
                for batch in _batches(made, table):
                    for row in batch:
                        copy.write_row(row)
        for _, statement in indexes:
            raw.execute(statement.encode())
    with psycopg.connect(store.url.render_as_string(hide_password=False), autocommit=True) as raw:
        raw.execute(b"vacuum analyze")  # what autovacuum does after such a load
