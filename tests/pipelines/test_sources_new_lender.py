"""A lender nobody has seen before is mapped by a template in the home alone: no line of code."""

from __future__ import annotations

from datetime import date

import pytest

from ops_app.config import Settings
from ops_app.domain.errors import Invalid
from pipelines.ingest import FileOutcome, ingest_inbound
from pipelines.readers.templates import load_template
from pipelines.warehouse import Warehouse

TEMPLATE = """
template: river_bank
source_code: RIVER
lender: {en: "River Bank", zh: "江河银行"}
timezone: Asia/Shanghai
feeds:
  - feed: loans
    files: ["台账*"]
    file_date: {pattern: "([0-9]{8})", format: "%Y%m%d"}
    csv: {delimiter: "|", skip_rows: 1}
    max_refused_share: 0.5
    columns:
      as_of_date: {file: date}
      loan_id: {from: 合同号, transforms: [trim, {strip_prefix: "HT-"}]}
      customer_id: 客户编号
      product_code: {from: 品种, codes: {"消费": CONSUMER, "经营": BUSINESS}}
      currency: {constant: CNY}
      originated_date: {from: 放款日, formats: ["%d.%m.%y"]}
      outstanding_principal: {from: 余额(万元), amount: {unit: wan, thousands: ","}}
      outstanding_penalty: {from: 罚息(元), amount: {negative: parentheses}, optional: true}
      days_past_due: {from: 逾期, transforms: [{strip_suffix: 天}], default: "0"}
      status: {from: 五级分类, codes: {"正常": active, "关注": overdue, "损失": written_off}}
  - feed: repayments
    files: ["还款*"]
    file_date: {pattern: "([0-9]{8})", format: "%Y%m%d"}
    csv: {delimiter: "|", skip_rows: 1}
    max_refused_share: 0.5
    columns:
      payment_id: 流水
      loan_id: {from: 合同号, transforms: [trim, {strip_prefix: "HT-"}]}
      kind: {from: 类别, codes: {"还": payment, "冲": reversal}}
      reverses_payment_id: {from: 原流水, optional: true}
      paid_at: {join: {columns: [日, 时], separator: " "}, formats: ["%d.%m.%y %H%M"]}
      value_date: {from: 日, formats: ["%d.%m.%y"]}
      amount: {from: 金额(万元), amount: {unit: wan}}
      currency: {constant: CNY}
"""
LOANS = """江河银行贷款台账||||||||
合同号|客户编号|品种|放款日|余额(万元)|罚息(元)|逾期|五级分类
HT-0001 |C1|消费|05.03.23|1,234.5678|12.30|45天|关注
HT-0002|C2|经营|31.12.22|0.5|||正常
HT-0003|C3|消费|05.03.23|0.000001|0|0天|正常
HT-0004|C4|房贷|05.03.23|1|0|0天|正常
HT-0005|C5|消费|31.02.23|1|0|0天|正常
"""
PAYMENTS = """还款流水||||||
流水|合同号|类别|原流水|日|时|金额(万元)
P1|HT-0001|还||06.01.24|0915|0.12
P2|HT-0001|冲|P1|07.01.24|2359|0.12
P3|HT-0001|还||07.01.24|2460|0.12
"""
DAY = date(2024, 1, 8)


@pytest.fixture
def outcomes(settings: Settings) -> dict[str, FileOutcome]:
    """Both files of the new lender, delivered and loaded."""
    folder = settings.home / "templates"
    folder.mkdir()
    (folder / "river_bank.yml").write_text(TEMPLATE, encoding="utf-8")
    inbound = settings.inbound / "river_bank"
    inbound.mkdir(parents=True)
    (inbound / "台账20240108.csv").write_bytes(LOANS.encode("gb18030"))
    (inbound / "还款20240108.csv").write_bytes(PAYMENTS.encode("gb18030"))
    return {one.feed: one for one in ingest_inbound(Warehouse(settings.warehouse_path), settings, DAY)}


def test_a_new_source_is_mapped_by_its_template_alone(outcomes: dict[str, FileOutcome], settings: Settings) -> None:
    assert {feed: (one.rows_in, one.rows_accepted, one.rows_quarantined) for feed, one in outcomes.items()} == {
        "loans": (5, 3, 2),
        "repayments": (3, 2, 1),
    }
    warehouse = Warehouse(settings.warehouse_path)
    assert warehouse.query(
        "select loan_id, product_code, as_of_date, originated_date, outstanding_principal_minor,"
        " outstanding_penalty_minor, days_past_due, status, imputed_columns from raw.loans"
        " where source_code = 'RIVER' order by loan_id"
    ) == [
        ("0001", "CONSUMER", DAY, date(2023, 3, 5), 1_234_567_800, 1230, 45, "overdue", ""),
        ("0002", "BUSINESS", DAY, date(2022, 12, 31), 500_000, None, 0, "active", "days_past_due"),
        ("0003", "CONSUMER", DAY, date(2023, 3, 5), 1, 0, 0, "active", ""),
    ]
    assert warehouse.query(
        "select payment_id, kind, reverses_payment_id, cast(paid_at as varchar), value_date, amount_minor"
        " from raw.repayments order by 1"
    ) == [
        ("P1", "payment", None, "2024-01-06 01:15:00", date(2024, 1, 6), 120_000),
        ("P2", "reversal", "P1", "2024-01-07 15:59:00", date(2024, 1, 7), 120_000),
    ]


def test_what_the_template_does_not_know_is_refused_with_place_and_reason(
    outcomes: dict[str, FileOutcome], settings: Settings
) -> None:
    assert sum(one.rows_quarantined for one in outcomes.values()) == 3
    refused = Warehouse(settings.warehouse_path).query(
        "select feed, line_no, column_name, value, rule from raw.quarantine where is_primary order by feed, line_no"
    )
    assert refused == [
        ("loans", 6, "product_code", "房贷", "product_code_unreadable"),
        ("loans", 7, "originated_date", "31.02.23", "originated_date_unreadable"),
        ("repayments", 5, "paid_at", "07.01.24 2460", "paid_at_unreadable"),
    ]


def test_a_typing_error_in_a_template_is_refused_and_named(settings: Settings) -> None:
    folder = settings.home / "templates"
    folder.mkdir()
    (folder / "river_bank.yml").write_text(TEMPLATE.replace("strip_suffix", "strip_sufix"), encoding="utf-8")
    with pytest.raises(Invalid, match="strip_sufix"):
        load_template("river_bank", settings.template_dirs)
