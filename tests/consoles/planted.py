"""Things for pages to show: breaks, runs, files, refused rows, a published day."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb

from ops_app.bootstrap import App
from ops_app.config import Settings
from ops_app.domain.ledger.breaks import BreakKind, break_id
from ops_app.domain.organisation.people import SYSTEM
from ops_app.domain.organisation.readiness import Check, CheckState
from ops_app.services.ledger.reconciliation_runs import FoundBreak, apply_run
from ops_app.services.organisation import notifications, readiness, runs
from pipelines.operations_file import publish_operations
from pipelines.warehouse import Warehouse
from tests.services.ledger.people import data_is_current

DAY = date(2026, 11, 20)


def found_break(number: int, kind: BreakKind = BreakKind.UNMATCHED_LENDER, amount: int = 150_000) -> FoundBreak:
    """One break of the run of ``DAY``; lender and bank ones with the same number belong together."""
    lender = kind is not BreakKind.UNMATCHED_BANK
    payment, line = f"PAY-{number:07d}", f"LINE-{number:07d}"
    sides = {
        "lender": [
            {
                "payment_id": payment,
                "loan_id": f"L{number:07d}",
                "kind": "payment",
                "value_date": (DAY - timedelta(days=number % 9)).isoformat(),
                "amount_minor": amount,
                "currency": "CNY",
                "payer_name": "张小明",
                "payer_account": "6222020011112222",
                "reference": f"还款 {number}",
            }
        ]
        if lender
        else [],
        "bank": []
        if lender
        else [
            {
                "line_id": line,
                "account": "ACC1",
                "booked_date": DAY.isoformat(),
                "amount_minor": amount,
                "currency": "CNY",
                "direction": "credit",
                "counterparty_name": "李四",
            }
        ],
        "recorded": [],
    }
    payments, lines = ((payment,), ()) if lender else ((), (line,))
    return FoundBreak(
        break_id=break_id(kind, "SIM", payments, lines),
        kind=kind,
        source_code="SIM",
        currency="CNY",
        lender_minor=amount if lender else None,
        bank_minor=None if lender else amount,
        recorded_minor=amount if lender else None,
        difference_minor=amount if lender else -amount,
        loan_id=f"L{number:07d}" if lender else None,
        payment_ids=payments,
        bank_line_ids=lines,
        value_date=DAY - timedelta(days=number % 9),
        suggestion={"action": "ask", "reason": "bank_line_missing", "break_ids": [], "items": []},
        sides=sides,
    )


def plant_breaks(app: App, count: int, *, now: datetime, bank: int = 0) -> list[FoundBreak]:
    """``count`` payments without a bank line and ``bank`` bank lines without a payment, opened on ``DAY``."""
    found = [found_break(number, amount=150_000 + number) for number in range(count)]
    found += [found_break(number, BreakKind.UNMATCHED_BANK, amount=150_000 + number) for number in range(bank)]
    apply_run(SYSTEM, app.store, now=now, business_date=DAY, found=found)
    data_is_current(app.store, day=DAY, now=now)
    return found


def plant_runs(app: App, now: datetime) -> None:
    """A day that succeeded, one whose process was killed, checks of which one is red, and an announcement."""
    first = now - timedelta(days=1)
    run = runs.start_run(SYSTEM, app.store, now=first, kind="day", business_date=DAY - timedelta(days=1))
    detail = {"raw": {"files": 5, "rows_in": 1000, "accepted": 990, "quarantined": 10, "refused": [], "missing": []}}
    runs.end_run(
        SYSTEM,
        app.store,
        now=first + timedelta(seconds=75),
        run_id=run,
        succeeded=True,
        detail=detail | {"publish": {}},
    )
    runs.start_run(SYSTEM, app.store, now=first + timedelta(hours=1), kind="day", business_date=DAY)
    runs.fail_lost_runs(SYSTEM, app.store, now=now)
    checks = [
        Check("rows_accounted", CheckState.GREEN, DAY, now),
        Check("feeds_arrived", CheckState.RED, DAY, now, "not arrived: SIM/bank_lines"),
    ]
    readiness.report_checks(SYSTEM, app.store, now=now, checks=checks)
    notifications.announce(
        SYSTEM,
        app.store,
        now=now,
        kind="feed_missing",
        subject_key="SIM/bank_lines",
        business_date=DAY,
        text_en="SIM: the bank_lines feed of 2026-11-20 was due at 2026-11-21 06:00: missing.",
        text_zh="SIM：2026-11-20 的银行流水数据应于 2026-11-21 06:00 到达，至今未到。",
    )


def plant_operations_file(settings: Settings, refused: int = 3) -> None:
    """One accepted file with ``refused`` refused rows, one file refused whole, and the results of their checks."""
    warehouse = Warehouse(settings.warehouse_path)
    good, bad = "a" * 64, "b" * 64
    gx = json.dumps(
        {
            "success": refused == 0,
            "expectation_config": {"type": "expect_column_values_to_be_between", "kwargs": {"column": "amount"}},
            "result": {"element_count": 100, "unexpected_count": refused, "unexpected_percent": 3.0},
        }
    )
    with warehouse.transaction() as connection:
        connection.execute(
            "insert into raw.files by name select ? as file_id, 'repayments_2026-11-20.csv' as file_name,"
            " 'SIM' as source_code, 'standard' as template, 'repayments' as feed, 'csv' as format,"
            " date '2026-11-20' as file_date, 100 as rows_in, 100 - ? as rows_accepted, ? as rows_quarantined,"
            " 0 as rows_repeated, 'accepted' as state, 1 as delivered",
            [good, refused, refused],
        )
        connection.execute(
            "insert into raw.files by name select ? as file_id, 'bank_lines_2026-11-20.csv' as file_name,"
            " 'SIM' as source_code, 'standard' as template, 'bank_lines' as feed, 'csv' as format,"
            " date '2026-11-20' as file_date, 20 as rows_in, 0 as rows_accepted, 20 as rows_quarantined,"
            " 0 as rows_repeated, 'refused' as state, 'The control totals differ.' as reason_en,"
            " '控制总数不符。' as reason_zh, 1 as delivered",
            [bad],
        )
        raw = json.dumps({"payment_id": "P1", "loan_id": "L1", "amount": "-5.00", "payer_name": "王五"})
        connection.execute(
            "insert into raw.quarantine by name select ? as file_id, range + 2 as line_no, 'SIM' as source_code,"
            " 'repayments' as feed, 'standard' as template, 'repayments_2026-11-20.csv' as file_name,"
            " date '2026-11-20' as file_date, 'amount' as column_name, '-5.00' as value, 'amount_positive' as rule,"
            " 'The amount is not above zero; the kind says which way money went.' as reason_en,"
            " '金额必须大于零。' as reason_zh, ? as raw_json,"
            " raw_json as standard_json, true as is_primary, 'open' as state from range(?)",
            [good, raw, refused],
        )
        connection.execute(
            "insert into raw.expectation_results by name select ? as file_id, 'repayments' as feed,"
            " 'amount_positive' as rule, 'amount' as column_name, 100 as checked, ? as refused,"
            " ? as gx_success, ? as gx_json",
            [good, refused, refused == 0, gx],
        )
    publish_operations(warehouse, settings, DAY)


def plant_snapshot(settings: Settings, audience: str = "asset_company") -> Path:
    """A published snapshot of ``DAY`` with the report on feeds."""
    folder = settings.published / audience
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{DAY.isoformat()}_0123456789abcdef.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "create table rpt_data_health as select date '2026-11-20' as business_date, 'repayments' as feed,"
            " 'SIM' as source_code, 1::bigint as files, 100::bigint as rows_in, 97::bigint as rows_accepted,"
            " 3::bigint as rows_quarantined, 0.03::decimal(18, 6) as refused_share,"
            " date '2026-11-20' as last_file_date, 0 as days_late, false as is_missing, 2::bigint as open_breaks,"
            " 3::bigint as open_quarantine union all select date '2026-11-20', 'bank_lines', 'SIM', 0, 0, 0, 0, null,"
            " date '2026-11-18', 2, true, 0, 0"
        )
    (folder / "current.json").write_text(json.dumps({"name": path.name, "sha256": "", "build_id": "b"}))
    return path
