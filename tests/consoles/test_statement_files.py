"""Files of a statement: the same bytes whenever they are made, in both languages, and enough to reckon it again."""

from __future__ import annotations

import io
import json
import time
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from typer.testing import CliRunner

from ops_app.bootstrap import App
from ops_app.cli import cli
from ops_app.consoles.commission import statement_files
from ops_app.domain.canonical import content_hash
from ops_app.gateways import statement_pdf
from ops_app.gateways.statement_pdf import FontMissing, chinese_font
from ops_app.services.ledger.commission_contracts import example_terms, read_terms
from ops_app.services.ledger.commission_reading import read_settlement
from ops_app.services.ledger.statements import Statement
from tests.clock import FixedClock
from tests.services.ledger.commissioning import CLOSING, PLAIN, House, a_house, locked, opened, paid

ZONE = ZoneInfo("Asia/Shanghai")


def has_font() -> bool:
    try:
        chinese_font()
    except FontMissing:
        return False
    return True


@pytest.fixture
def house(app: App) -> House:
    object.__setattr__(app, "clock", FixedClock(CLOSING))
    tiers = [{"code": "a", "rate": "0.1", "liquidation": [None, "0.05"]},
             {"code": "b", "rate": "0.25", "liquidation": ["0.05", None]}]  # fmt: skip
    terms = dict(PLAIN, tiering="marginal", tiers=tiers)
    made = a_house(app.store, app.settings.evidence, terms)
    paid(made, "P1", 10_003)
    paid(made, "P2", 7_777, case=2)
    return made


def the_statement(house: House) -> Statement:
    one = locked(house, opened(house))
    return read_settlement(house.finance, house.store, now=CLOSING, settlement_id=one.settlement_id).statement


def test_a_workbook_and_a_check_file_have_the_same_bytes_whenever_they_are_made(house: House):
    made = the_statement(house)
    first = [statement_files.workbook(made, one, ZONE) for one in ("en", "zh")], statement_files.check_file(made)
    time.sleep(2.1)  # the clock of a packed file counts two seconds
    assert first == (
        [statement_files.workbook(made, one, ZONE) for one in ("en", "zh")], statement_files.check_file(made),
    )  # fmt: skip


@pytest.mark.parametrize(("language", "said"), [("en", "Fee before cap"), ("zh", "封顶前佣金")])
def test_a_workbook_opens_with_its_lines_its_totals_and_its_hash(house: House, language: str, said: str):
    made = the_statement(house)
    book = openpyxl.load_workbook(io.BytesIO(statement_files.workbook(made, language, ZONE)))
    rows = [[cell.value for cell in row] for row in book["rows"].iter_rows()]
    assert said in rows[1]
    assert [row[-1] for row in rows[2:4]] == [it.fee_minor / 100 for it in made.lines]
    assert made.hash in str(rows[0][0])


def test_what_an_agency_reckons_from_the_check_file_is_what_the_statement_says(house: House):
    made = the_statement(house)
    said = json.loads(statement_files.check_file(made))
    assert said["content_hash"] == made.hash == made.settlement.content_hash
    assert content_hash({name: value for name, value in said.items() if name != "content_hash"}) == made.hash
    total = 0
    for line in said["lines"]:
        terms = next(it["terms"] for it in said["contracts"] if it["contract_id"] == line["contract_id"])
        rates = {it["code"]: Decimal(it["rate"]) for it in terms["tiers"]}
        exact = sum(rates[tier] * minor for tier, _, minor in line["facts"]["parts"])
        fee = int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))
        assert fee == line["full_minor"] == line["fee_minor"]
        total += fee
    assert total == said["totals"]["fees_minor"]


@pytest.mark.skipif(not has_font(), reason="no font with Chinese is on this machine")
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_pdf_has_the_same_bytes_whenever_it_is_set_and_its_font_is_in_it(house: House, language: str):
    made = the_statement(house)
    first = statement_files.document(made, language, ZONE)
    time.sleep(1.1)
    assert statement_files.document(made, language, ZONE) == first
    assert first.startswith(b"%PDF-")
    assert b"FontFile" in first or len(first) > 8_000
    assert statement_files.document(replace(made, agency_name="另一机构"), language, ZONE) != first


def test_without_a_font_with_chinese_it_says_what_to_install(tmp_path: Path):
    (tmp_path / "DejaVuSans.ttf").write_bytes(b"")
    with pytest.raises(FontMissing, match="fonts-noto-cjk"):
        chinese_font((str(tmp_path), str(tmp_path / "nowhere")))
    (tmp_path / "wqy-microhei.ttc").write_bytes(b"")
    assert chinese_font((str(tmp_path),)) == (tmp_path, statement_pdf.FONTS["wqy-microhei"])


def test_the_command_opens_a_period_writes_its_files_and_verifies(
    app: App, house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("ops_app.bootstrap.open_app", lambda: app)
    run = CliRunner()
    period = ["settle", "--agency", "AG01", "--from", "2026-11-01", "--before", "2026-12-01", "--json"]
    said = json.loads(run.invoke(cli, period, catch_exceptions=False).stdout)
    assert (said["lines"], said["state"]) == (2, "draft")
    assert json.loads(run.invoke(cli, period, catch_exceptions=False).stdout) == said
    listed = json.loads(run.invoke(cli, ["settle", "--json"], catch_exceptions=False).stdout)
    assert [it["number"] for it in listed] == [said["number"]]
    again = run.invoke(cli, ["settle", "--number", said["number"], "--json"], catch_exceptions=False)
    assert json.loads(again.stdout)["lines"] == 2
    done = run.invoke(cli, ["settle", "--verify", "--json"], catch_exceptions=False)
    assert [it["state"] for it in json.loads(done.stdout)] == ["holds", "holds"]
    if has_font():
        run.invoke(
            cli, ["settle", "--number", said["number"], "--write", str(tmp_path / "out")], catch_exceptions=False
        )
        assert len(list((tmp_path / "out").iterdir())) == 5


def test_the_examples_of_contracts_hold_together():
    assert set(example_terms()) == {"by_age", "by_balance", "by_liquidation"}
    assert read_terms("{currency: CNY, tiering: whole, age_basis: entry, tiers: [{code: B, rate: '0.1'}]}")
