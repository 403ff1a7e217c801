"""``recoup verify``: what must always hold, checked against the stores, the warehouse and the published snapshots."""

from __future__ import annotations

from pathlib import Path

from ops_app.bootstrap import App
from ops_app.config import Settings
from ops_app.domain.findings import Finding, broken, holds, not_built
from ops_app.services.casework.verify import verify_limitation, verify_one_owner
from ops_app.services.casework.verify_reach import verify_reach
from ops_app.services.ledger.commission_verify import verify_commission, verify_statements
from ops_app.services.ledger.verify import verify_money, verify_once
from ops_app.services.ledger.verify_books import verify_agreements, verify_closed_balances, verify_vouchers
from ops_app.services.ledger.verify_journal import verify_journal, verify_posted, verify_replayed
from ops_app.services.ledger.verify_refunds import verify_refunds
from ops_app.services.ledger.verify_write_offs import verify_write_offs
from ops_app.services.organisation.verify import verify_approvals, verify_audit
from ops_app.services.organisation.verify_messages import verify_messages
from ops_app.services.organisation.verify_parameters import verify_closed_periods, verify_versions
from pipelines.durable import read_pointer, sha256_of
from pipelines.extracts import copy_table, opened
from pipelines.marts_hash import content_totals, mart_tables
from pipelines.publish import snapshot_pointers
from pipelines.readers.grammar import WHOLE_UNIT_CURRENCIES
from pipelines.sql_words import literal, quoted
from pipelines.verify_journal_marts import JOURNAL_INVARIANT, JOURNAL_NAME, verify_journal_marts
from pipelines.verify_life import LIFE_INVARIANT, LIFE_NAME, verify_life
from pipelines.verify_money_marts import MONEY_INVARIANT, MONEY_NAME, verify_money_marts
from pipelines.warehouse import Connection, Warehouse, connect

CARRIED_NAME = "money accepted = money recorded = money in the marts"
BALANCED_NAME = "explained and unexplained differences make up the difference between lender and bank"
AUDIENCES_NAME = "an agency's snapshot holds its own rows alone"
SNAPSHOT_NAME = "a snapshot is whole or not published"
ROWS_NAME = "rows in = rows accepted + rows quarantined, for every file"

_LATER = {
    9: "a contact that a rule blocks cannot be started",
}


def verify_everything(app: App, public_key: Path | None = None) -> list[Finding]:
    """Every invariant of the house, by number: holds, broken (with the first thing that is wrong) or not built.

    ``public_key`` names a copy of the audit log's public key that was kept elsewhere.
    """
    settings, store = app.settings, app.store
    findings = [
        verify_money(store),
        verify_once(store),
        verify_posted(store),
        verify_journal(store),
        verify_replayed(store),
        verify_messages(store),
        verify_write_offs(store),
        verify_refunds(store),
        verify_closed_balances(store),
        verify_vouchers(store),
        verify_agreements(store),
        verify_audit(store, settings.evidence, public_key),
        verify_approvals(store),
        verify_versions(store),
        verify_closed_periods(store),
        verify_limitation(store),
    ]
    findings += [verify_snapshots(settings), verify_one_owner(store)]
    findings += [verify_reach(store), verify_audiences(settings)]
    findings += [verify_commission(store), verify_statements(store)]
    findings += [not_built(number, name) for number, name in _LATER.items()]
    if settings.warehouse_path.exists():
        with Warehouse(settings.warehouse_path).open() as connection, opened(settings) as reader:
            copy_table(connection, reader, "payments", into="verified_payments")
            copy_table(connection, reader, "breaks", into="verified_breaks")
            findings += [verify_carried(connection), verify_balanced(connection), verify_rows(connection)]
        findings.append(verify_life(settings, Warehouse(settings.warehouse_path)))
        findings.append(verify_journal_marts(settings, Warehouse(settings.warehouse_path)))
        findings.append(verify_money_marts(settings, Warehouse(settings.warehouse_path)))
    else:
        findings += [not_built(1, CARRIED_NAME), not_built(1, BALANCED_NAME), not_built(12, ROWS_NAME)]
        findings.append(not_built(LIFE_INVARIANT, LIFE_NAME))
        findings.append(not_built(JOURNAL_INVARIANT, JOURNAL_NAME))
        findings.append(not_built(MONEY_INVARIANT, MONEY_NAME))
    return sorted(findings, key=lambda one: (one.invariant, one.name))


def verify_carried(connection: Connection) -> Finding:
    """Invariant 1 along the way: per source and currency, the repayments accepted from files are recorded in the ops
    store and stand in ``fct_repayments`` with the same number and the same sum, to the minor unit.

    Expects the ops store's payments and breaks in the temporary tables ``verified_payments`` and ``verified_breaks``.
    Payments that came with two contents are left to the desk, where each is a break; payments that were pushed and are
    in no file stand beside.
    """
    if not _has(connection, "recon", "proof"):
        return not_built(1, CARRIED_NAME, "no business day has been reconciled yet")
    connection.execute(
        """
        create or replace temp table verified_conflicts as
        select distinct source_code, unnest(from_json(payment_ids, '["varchar"]')) as payment_id
        from verified_breaks where kind = 'conflicting_content'
        """
    )
    beside = "anti join verified_conflicts using (source_code, payment_id)"
    first = "(file_date, file_id, line_no)"
    sides = {
        "accepted": f"""
            select source_code, payment_id, arg_min(currency, {first}) as currency,
                arg_min(if(kind = 'payment', amount_minor, -amount_minor), {first}) as minor
            from raw.repayments {beside}
            where file_date <= (select coalesce(max(business_date), date '0001-01-01') from recon.proof)
            group by source_code, payment_id
        """,
        "recorded": f"""
            select source_code, payment_id, currency, if(kind = 'payment', amount_minor, -amount_minor) as minor
            from verified_payments semi join raw.repayments using (source_code, payment_id) {beside}
        """,
    }
    whole = ", ".join(map(literal, WHOLE_UNIT_CURRENCIES))
    if _has(connection, "marts", "fct_repayments"):
        sides["marts"] = f"""
            select source_code, payment_id, currency, cast(
                signed_amount * case when currency in ({whole}) then 1 else 100 end as bigint
            ) as minor
            from marts.fct_repayments semi join verified_payments using (source_code, payment_id) {beside}
        """
    checked = _count(connection, f"select count(*) from ({sides['accepted']})")
    for other in list(sides)[1:]:
        wrong = connection.execute(
            f"""
            with a as (
                select source_code, currency, count(*) as n, sum(minor) as s from ({sides["accepted"]}) group by 1, 2
            ),
            b as (select source_code, currency, count(*) as n, sum(minor) as s from ({sides[other]}) group by 1, 2)
            select coalesce(a.source_code, b.source_code), coalesce(a.currency, b.currency), a.n, a.s, b.n, b.s
            from a full join b on a.source_code = b.source_code and a.currency = b.currency
            where a.n is distinct from b.n or a.s is distinct from b.s order by 1, 2 limit 1
            """
        ).fetchall()
        if wrong:
            source, currency, n, total, other_n, other_total = wrong[0]
            detail = f"{source} {currency}: accepted {n} ({total} minor), {other} {other_n} ({other_total} minor)"
            return broken(1, CARRIED_NAME, checked, detail)
    return holds(1, CARRIED_NAME, checked)


def verify_balanced(connection: Connection) -> Finding:
    """Invariant 1 at the bank: on every proof sheet explained + unexplained = difference, and the matches that stand
    are those of the latest sheet."""
    if not _has(connection, "recon", "proof"):
        return not_built(1, BALANCED_NAME, "no business day has been reconciled yet")
    checked = _count(connection, "select count(*) from recon.proof")
    wrong = connection.execute(
        "select business_date, book, currency from recon.proof"
        " where difference_minor <> explained_minor + unexplained_minor order by 1, 2, 3 limit 1"
    ).fetchall()
    if wrong:
        return broken(1, BALANCED_NAME, checked, f"proof sheet of {wrong[0][0]}, {wrong[0][1]} {wrong[0][2]}")
    doubled = connection.execute(
        """
        with items as (
            select source_code || ' payment ' || unnest(payment_ids) as item from recon.matches
            union all select source_code || ' bank line ' || unnest(bank_line_ids) from recon.matches
        )
        select item from items group by item having count(*) > 1 order by item limit 1
        """
    ).fetchall()
    if doubled:
        return broken(1, BALANCED_NAME, checked, f"{doubled[0][0]} is matched twice")
    stands = _count(connection, "select coalesce(sum(difference_minor), 0) from recon.matches")
    told = _count(
        connection,
        "select coalesce(sum(explained_minor), 0) from recon.proof"
        " where business_date = (select max(business_date) from recon.proof)",
    )
    if stands != told:
        return broken(1, BALANCED_NAME, checked, f"matches explain {stands} minor, the last proof sheet says {told}")
    return holds(1, BALANCED_NAME, checked)


def verify_rows(connection: Connection) -> Finding:
    """Invariant 12: for every file rows in = accepted + quarantined, and the quarantine holds as many rows."""
    checked = _count(connection, "select count(*) from raw.files")
    wrong = connection.execute(
        """
        with kept as (
            select file_id, template, entry, count(*) as n from raw.quarantine where is_primary group by all
        )
        select f.file_name, f.rows_in, f.rows_accepted, f.rows_quarantined, coalesce(kept.n, 0)
        from raw.files as f
        left join kept on kept.file_id = f.file_id and kept.template = f.template and kept.entry = f.entry
        where f.rows_in <> f.rows_accepted + f.rows_quarantined or f.rows_quarantined <> coalesce(kept.n, 0)
        order by 1 limit 1
        """
    ).fetchall()
    if wrong:
        name, rows_in, accepted, quarantined, kept = wrong[0]
        detail = f"{name}: {rows_in} in, {accepted} accepted, {quarantined} quarantined, {kept} in the quarantine"
        return broken(12, ROWS_NAME, checked, detail)
    return holds(12, ROWS_NAME, checked)


def verify_snapshots(settings: Settings) -> Finding:
    """Invariant 10: what each pointer names is there, has the bytes it was published with, and holds every table that
    its own list names, row for row."""
    pointers = snapshot_pointers(settings)
    if not pointers:
        return not_built(10, SNAPSHOT_NAME, "nothing is published yet")
    for pointer in pointers:
        why = _wrong_snapshot(pointer)
        if why is not None:
            return broken(10, SNAPSHOT_NAME, len(pointers), f"{pointer.parent.name}: {why}")
    return holds(10, SNAPSHOT_NAME, len(pointers))


def verify_audiences(settings: Settings) -> Finding:
    """Invariant 7 in what is published: no row in an agency's snapshot carries the code of another agency, or none."""
    pointers = [one for one in snapshot_pointers(settings) if one.parent.name.startswith("agency-")]
    if not pointers:
        return not_built(7, AUDIENCES_NAME, "nothing is published for an agency yet")
    tables = 0
    for pointer in pointers:
        agency = pointer.parent.name.removeprefix("agency-")
        said = read_pointer(pointer) or {}
        file = pointer.parent / str(said.get("name", ""))
        if not file.is_file():
            return broken(7, AUDIENCES_NAME, tables, f"{pointer.parent.name}: the snapshot is not there")
        snapshot = connect(file, read_only=True)
        try:
            carrying = snapshot.execute(
                "select table_name from information_schema.columns"
                " where table_schema = 'main' and column_name = 'agency_code' order by 1"
            ).fetchall()
            for (name,) in carrying:
                tables += 1
                foreign = f"select count(*) from {quoted(name)} where agency_code is distinct from {literal(agency)}"
                if _count(snapshot, foreign):
                    return broken(7, AUDIENCES_NAME, tables, f"{pointer.parent.name}: table {name} has others' rows")
        finally:
            snapshot.close()
    return holds(7, AUDIENCES_NAME, tables)


def _wrong_snapshot(pointer: Path) -> str | None:
    said = read_pointer(pointer)
    if said is None or not isinstance(said.get("name"), str):
        return "the pointer cannot be read"
    file = pointer.parent / said["name"]
    if not file.is_file():
        return f"{file.name} is not there"
    if sha256_of(file) != said.get("sha256"):
        return f"{file.name} is not the file that was published"
    snapshot = connect(file, read_only=True)
    try:
        listed = snapshot.execute("select table_name, row_count, content_hash from snapshot_build").fetchall()
        for name, rows, content in listed:
            if name not in mart_tables(snapshot, "main"):
                return f"{file.name} has no table {name}"
            if content_totals(snapshot, f"main.{quoted(name)}") != (rows, content):
                return f"{file.name}: table {name} is not what its list says"
    finally:
        snapshot.close()
    return None


def _has(connection: Connection, schema: str, table: str) -> bool:
    return bool(
        _count(
            connection,
            "select count(*) from information_schema.tables"
            f" where table_schema = '{schema}' and table_name = '{table}'",
        )
    )


def _count(connection: Connection, query: str) -> int:
    rows: list[tuple[int]] = connection.execute(query).fetchall()
    return int(rows[0][0])
