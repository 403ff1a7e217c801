"""Commission, write-offs, agreements and proof sheets in the marts against the ops store: to the minor unit (I17).

Each build is held against the copy it was made from (``money_untied``); ``recoup verify`` holds the marts against the
store itself. What moved in the store since it was copied is no fault of the marts: such a row is of a later version
than its copy, or is not in the copy, and the audit log has gone on.
"""

from __future__ import annotations

from dataclasses import dataclass

from ops_app.config import Settings
from ops_app.domain.findings import Finding, broken, holds, not_built
from pipelines.extract_changes import touched_name
from pipelines.extracts import extract_table, opened
from pipelines.readers.grammar import WHOLE_UNIT_CURRENCIES
from pipelines.sql_words import literal
from pipelines.warehouse import Connection, Warehouse, rows

MONEY_INVARIANT = 3
MONEY_NAME = "commission, write-offs, agreements and proof sheets of the ops store = those of the marts"

_WHOLE = ", ".join(map(literal, WHOLE_UNIT_CURRENCIES))


@dataclass(frozen=True)
class Tie:
    """A mart and what it must say of the tables it is made of. Both queries give an ``id`` and the same columns; of the
    store's the tables are ``{table}``. ``head`` is the table whose rows have the ``id`` in ``key``, and ``version`` its
    column that rises with each change (None where a row never changes)."""

    mart: str
    tables: tuple[str, ...]
    store: str
    told: str
    key: str
    version: str | None

    @property
    def head(self) -> str:
        return self.tables[0]


def _minor(amount: str) -> str:
    return f"cast(({amount}) * case when currency in ({_WHOLE}) then 1 else 100 end as bigint)"


def _listed(names: str, of: str = "{0}_minor") -> str:
    return ", ".join(f"{of.format(name)} as {name}" for name in names.split())


_LINE = "line_id as id, settlement_id, kind, agency_code, contract_id, payment_id, case_id, placement_id, currency,"
_SETTLED = "fees carried_in net tax gross held due carried_out receivable"
_PARTS = "claim approved booked earlier later recovered ended remaining"
_WAIVED = "waived_principal waived_interest waived_fees waived_penalty to_pay paid"
_MARTS_NAMES = {
    "net": "net_amount", "tax": "tax_amount", "gross": "gross_amount", "held": "held_by_agency", "due": "due_amount",
    "receivable": "receivable_amount", "earlier": "charged_off_before", "later": "charged_later",
    "to_pay": "to_pay_amount", "paid": "paid_amount",
    **{name: f"{name}_amount" for name in ("claim", "approved", "booked", "recovered", "ended", "remaining")},
}  # fmt: skip


def _told(names: str) -> str:
    return ", ".join(f"{_minor(_MARTS_NAMES.get(name, name))} as {name}" for name in names.split())


TIES = (
    Tie(
        "fct_commission_lines", ("commission_lines",),
        f"select {_LINE} rate_ppm, base_minor, full_minor, cut_minor, fee_minor from {{commission_lines}}",
        f"select {_LINE} cast(rate * 1000000 as bigint), {_minor('base_amount')}, {_minor('full_fee')},"
        f" {_minor('cut_by_cap')}, {_minor('fee')} from marts.fct_commission_lines",
        "line_id", None,
    ),
    Tie(
        "rpt_commission_settlement", ("settlements", "commission_lines"),
        "select s.settlement_id as id, s.agency_code, s.state, s.currency, s.content_hash,"
        f" {_listed(_SETTLED, 's.{0}_minor')}"
        " from (select * replace (coalesce(fees_minor, (select sum(fee_minor) from {commission_lines} as l"
        " where l.settlement_id = t.settlement_id), 0) as fees_minor) from {settlements} as t) as s",
        f"select settlement_id as id, agency_code, state, currency, content_hash, {_told(_SETTLED)}"
        " from marts.rpt_commission_settlement",
        "settlement_id", "version",
    ),
    Tie(
        "rpt_write_off_ledger", ("write_offs", "write_off_parts"),
        f"select p.write_off_id as id, p.component, w.case_id, w.state, w.currency, {_listed(_PARTS, 'p.{0}_minor')}"
        " from {write_off_parts} as p join {write_offs} as w using (write_off_id)",
        f"select write_off_id as id, component, case_id, state, currency, {_told(_PARTS)}"
        " from marts.rpt_write_off_ledger",
        "write_off_id", "version",
    ),
    Tie(
        "rpt_waivers", ("agreements",),
        f"select agreement_id as id, case_id, kind, state, currency, waived_minor as requested, {_listed(_WAIVED)}"
        " from {agreements}",
        f"select agreement_id as id, case_id, kind, state, currency, {_minor('requested_amount')} as requested,"
        f" {_told(_WAIVED)} from marts.rpt_waivers",
        "agreement_id", "version",
    ),
    Tie(
        "rpt_proof_sheets", ("proof_sheets",),
        "select business_date || ' ' || book || ' ' || currency as id, leg, part, code, items, amount_minor"
        " from {proof_sheets} as t where revision = (select max(revision) from {proof_sheets} as o"
        " where (o.business_date, o.book, o.currency) = (t.business_date, t.book, t.currency))",
        "select business_date || ' ' || book || ' ' || currency as id, sides, part, kind, items,"
        f" {_minor('lender_amount + side_amount + explained + unexplained')} from marts.rpt_proof_sheets",
        "business_date || ' ' || book || ' ' || currency", "revision",
    ),
)  # fmt: skip


def money_untied(connection: Connection) -> tuple[str, str] | None:
    """The first mart that does not say what the ops store said when it was copied, and of what; None where all do."""
    for tie in TIES:
        wrong = _differing(connection, tie, {table: f"ops.{table}" for table in tie.tables})
        if wrong is not None:
            return tie.mart, wrong
    wrong = _reconciled_otherwise(connection)
    return None if wrong is None else ("rpt_reconciliation", wrong)


def verify_money_marts(settings: Settings, warehouse: Warehouse) -> Finding:
    """Invariant 3 in the marts of commission, write-offs, agreements and reconciliation: what the ops store says stands
    there, row by row, to the minor unit, and nothing beside. Broken names the first row that differs."""
    checked = 0
    with warehouse.open() as connection:
        there = {name for (name,) in rows(connection, "select table_name from duckdb_tables() where not temporary")}
        if not {tie.mart for tie in TIES} | {"audit_log"} <= there:
            return not_built(MONEY_INVARIANT, MONEY_NAME, "the marts have not been built yet")
        pending = {feed for (feed,) in rows(connection, "select distinct feed from raw.touched")}
        with opened(settings) as reader:
            for table in sorted({table for tie in TIES for table in tie.tables}):
                extract_table(connection, reader, table, into=f"verified_{table}")
            with reader.connection.cursor() as cursor:
                cursor.execute("select coalesce(max(seq), 0) from audit_log")
                (seq,) = cursor.fetchone()
        (copied,) = rows(connection, "select coalesce(max(seq), 0) from ops.audit_log")[0]
        for tie in TIES:
            # what was copied and is not built yet is the next build's to tie
            if any(touched_name(table) in pending for table in tie.tables):
                continue
            checked += int(rows(connection, f"select count(*) from marts.{tie.mart}")[0][0])
            names = {table: f"verified_{table}" for table in tie.tables}
            wrong = _differing(connection, tie, names, moved=_moved(tie) if seq > copied else None)
            if wrong is not None:
                return broken(MONEY_INVARIANT, MONEY_NAME, checked, f"{tie.mart}: {wrong}")
    return holds(MONEY_INVARIANT, MONEY_NAME, checked)


def _moved(tie: Tie) -> str:
    """The ids of what moved in the store since it was copied."""
    version = f"max({tie.version})" if tie.version else "0"
    ids = f"select {tie.key} as id, {version} as version from {{0}} group by 1"
    return (
        f"select n.id from ({ids.format(f'verified_{tie.head}')}) as n"
        f" left join ({ids.format(f'ops.{tie.head}')}) as o on o.id = n.id"
        " where o.id is null or n.version > o.version"
    )


def _differing(connection: Connection, tie: Tie, names: dict[str, str], moved: str | None = None) -> str | None:
    """What the two sides say of the first id of which they say different things, ids in ``moved`` left out."""
    beside = f"where id not in ({moved})" if moved else ""
    store, told = (f"select * from ({query}) {beside}" for query in (tie.store.format(**names), tie.told))
    found = rows(
        connection,
        f"""
        with store as ({store}), told as ({told}),
        unlike as (
            select 'the ops store' as who, * from (select * from store except all select * from told)
            union all
            select 'the marts', * from (select * from told except all select * from store)
        )
        select id, who, cast(to_json(unlike) as varchar) from unlike order by id, who desc limit 1
        """,
    )
    if not found:
        return None
    identity, who, says = found[0]
    return f"{identity}: {who} alone says {says}"


def _reconciled_otherwise(connection: Connection) -> str | None:
    """The first source, currency, kind and state of which ``rpt_reconciliation`` has other items or another difference
    than the breaks and matches it is made of."""
    key = "source_code, currency, kind, state"
    found = rows(
        connection,
        f"""
        with store as (
            select {key}, count(*) as items, sum(difference_minor) as minor from (
                select {key}, difference_minor from ops.breaks union all
                select source_code, currency, 'matched', 'matched', difference_minor from recon.matches
            ) group by all
        ),
        told as (
            select {key}, sum(items) as items, sum({_minor("explained + unexplained")}) as minor
            from marts.rpt_reconciliation group by all
        )
        select {key} from (
            (select * from store except select * from told) union all (select * from told except select * from store)
        ) order by all limit 1
        """,
    )
    return " ".join(map(str, found[0])) + ": items and differences are not those of the breaks" if found else None
