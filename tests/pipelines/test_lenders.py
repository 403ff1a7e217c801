"""Lenders by configuration (D6): four lenders, one of them added by two files in a temporary data folder, each with a
case from intake to close."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from ops_app.bootstrap import App, open_app
from ops_app.config import PROJECT_ROOT, Settings
from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.lenders import LenderKind
from ops_app.domain.organisation.people import SYSTEM, Role
from ops_app.services.casework.cases import read_case
from ops_app.services.casework.limitation import read_limitation
from ops_app.services.ledger.posting import preview_posting
from ops_app.services.organisation import installation
from ops_app.services.organisation.approval_defaults import rules_of_kind
from ops_app.services.organisation.approval_kinds import check_lenders, kinds
from ops_app.services.organisation.parameter_reading import value_on
from ops_app.store.tables.casework import cases
from pipelines.build import lender_buckets
from pipelines.ingest import ingest_inbound
from pipelines.intake import load_rules, take_in
from pipelines.warehouse import Warehouse

FOURTH = PROJECT_ROOT / "tests" / "lenders"
DAY = date(2026, 3, 2)
HEADER = (
    "as_of_date,loan_id,customer_id,lender_code,product_code,currency,outstanding_principal,outstanding_interest,"
    "outstanding_fees,outstanding_penalty,days_past_due,status"
)
THREE = {"HYB": "credit_card", "XJC": "consumer_instalment", "PTP": "p2p_loan"}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[App]:
    """An installation whose data folder has the two files of the fourth lender and nothing else."""
    settings = Settings.load(home=tmp_path / "data", ops_url="")
    shutil.copytree(FOURTH, settings.home)
    opened = open_app(settings)
    yield opened
    opened.close()
    installation.settle(installation.HOUSE_LENDERS, installation.HOUSE_ZONE)


def deliver(app: App, day: date, days_past_due: int, status: str) -> None:
    """The files of a day: one of the three lenders together, one of the fourth in its own form."""
    standard, own = app.settings.inbound / "standard", app.settings.inbound / "riv"
    for folder in (standard, own):
        folder.mkdir(parents=True, exist_ok=True)
    amount = "0" if status == "settled" else "800.00"
    lines = [
        f"{day},L-{lender},C-{lender},{lender},{product},CNY,{amount},0,0,0,{days_past_due},{status}"
        for lender, product in THREE.items()
    ]
    (standard / f"loans_{day}.csv").write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    told = {"overdue": "关注", "settled": "结清", "active": "正常"}[status]
    row = f"HT-0001 |C1|车贷|{amount}|{days_past_due}天|{told}"
    (own / f"台账{day:%Y%m%d}.csv").write_bytes(f"合同号|客户编号|品种|余额|逾期|五级分类\n{row}\n".encode("gb18030"))
    warehouse = Warehouse(app.settings.warehouse_path)
    outcomes = ingest_inbound(warehouse, app.settings, day)
    assert [one.rows_quarantined for one in outcomes] == [0, 0], outcomes
    take_in(warehouse, app, day)


def now_are(app: App) -> dict[str, tuple]:
    names = ("lender_code", "state", "bucket", "opened_rule", "opened_rule_version", "opened_date", "close_reason")
    with app.store.reading() as connection:
        rows = connection.execute(select(*(cases.c[name] for name in names)).order_by(cases.c.lender_code)).all()
    return {row[0]: tuple(row[1:]) for row in rows}


def test_a_case_of_each_of_four_lenders_runs_from_intake_to_close(home: App) -> None:
    deliver(home, DAY, 5, "overdue")
    assert now_are(home) == {lender: ("to_assign", "M1", lender, 1, DAY, None) for lender in THREE}, (
        "the fourth opens a case from its tenth day on"
    )
    later = DAY + timedelta(days=15)
    deliver(home, later, 20, "overdue")
    found = now_are(home)
    assert found.pop("RIV") == ("to_be_placed", "M2", "RIV", 2, later, None)
    assert found == {lender: ("to_assign", "M1", lender, 1, DAY, None) for lender in THREE}
    deliver(home, later + timedelta(days=1), 0, "settled")
    found = {lender: (state, reason) for lender, (state, *_, reason) in now_are(home).items()}
    assert found == dict.fromkeys((*THREE, "RIV"), ("closed", "paid"))


def test_an_opening_and_a_closing_name_rule_version_and_source_row_of_the_fourth(home: App) -> None:
    deliver(home, DAY, 30, "overdue")
    deliver(home, DAY + timedelta(days=1), 0, "active")
    with home.store.reading() as connection:
        one = connection.execute(select(cases.c.case_id).where(cases.c.lender_code == "RIV")).scalar_one()
    events = {it.what: it.detail for it in read_case(SYSTEM, home.store, now=home.clock.now(), case_id=one).events}
    assert (events["opened"]["rule"], events["opened"]["rule_version"], events["opened"]["line_no"]) == ("RIV", 1, 2)
    assert events["close"]["rule"] == "RIV"
    assert (events["close"]["rule_version"], events["close"]["close_reason"], events["close"]["line_no"]) == (
        2, "cured", 2,
    )  # fmt: skip
    assert events["close"]["file_id"] != events["opened"]["file_id"]


def test_the_fourth_has_its_own_pack_posting_order_approval_levels_and_buckets(home: App) -> None:
    deliver(home, DAY, 30, "overdue")
    now = home.clock.now()
    with home.store.reading() as connection:
        ids = dict(connection.execute(select(cases.c.lender_code, cases.c.case_id)).tuples().all())
        touch = value_on(connection, "casework.touch_days", DAY, installation.scope_of_loan("RIV"))
        levels = [rule.role for rule in rules_of_kind(connection, "export.release", "RIV")]
        usual = [rule.role for rule in rules_of_kind(connection, "export.release", "HYB")]
    assert (touch, levels, usual) == (3, [Role.SUPERVISOR, Role.MANAGER], [Role.MANAGER])
    clocks = {lender: read_limitation(SYSTEM, home.store, now=now, case_id=one).clock for lender, one in ids.items()}
    assert (clocks["RIV"].pack, clocks["RIV"].years, clocks["HYB"].pack, clocks["HYB"].years) == ("UK", 6, "CN", 3)
    orders = {
        lender: preview_posting(SYSTEM, home.store, now=now, case_id=one, amount_minor=100).order
        for lender, one in ids.items()
    }
    assert orders == {"HYB": "costs_first", "XJC": "interest_first", "PTP": "principal_first", "RIV": "principal_first"}
    assert lender_buckets(home.settings) == {"RIV": [["C", 0], ["M1", 15], ["M2", 45], ["M3", None]]}


def test_the_house_has_one_lender_of_each_kind_and_each_has_its_own_rule() -> None:
    lenders = installation.read_lenders(installation.HOUSE_LENDERS)
    assert {one.kind for one in lenders.values()} == set(LenderKind)
    assert {rule.rule for rule in load_rules(Settings.load())} == {"all", *lenders}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("kind: bank", "kind: shop"),
        ("lender: RIV", "lender: RIW"),
        ("touch_days: 3", "touch_dayz: 3"),
        ("touch_days: 3", "touch_days: 3000"),
        ("M2: 45", "M2: 10"),
        ("rule: RIV, version: 2", "rule: RIV, version: 1"),
        ("pack: UK", "pack: UK\nspeed: 3"),
        ("export.release:", "export.releases:"),
        ("{level: 1, role: supervisor}", "{level: 1, role: supervisor, currency: GBP}"),
    ],
)
def test_a_file_that_is_wrong_is_refused_by_name_and_never_half_read(home: App, before: str, after: str) -> None:
    file = home.settings.home / "lenders" / "RIV.yml"
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after, 1), encoding="utf-8")
    with pytest.raises((Invalid, ValueError)):
        installation.settle(home.settings.lender_dirs, home.settings.zone)
        check_lenders()
        load_rules(home.settings)
        from ops_app.services.organisation.parameter_catalogue import catalogue

        catalogue()


def test_every_kind_that_a_file_of_a_lender_names_is_a_kind_of_request(home: App) -> None:
    named = {kind for one in installation.installation().lenders.values() for kind in one.approvals}
    assert named == {"case_request.waiver", "export.release"}
    assert named <= set(kinds())
    check_lenders()
