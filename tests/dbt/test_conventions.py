"""The house rules of the dbt project, checked on its manifest and on the built warehouse."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops_app.config import PROJECT_ROOT
from ops_app.consoles.kit.i18n import catalogue
from ops_app.domain.casework.request_forms import CONDITIONS
from ops_app.domain.casework.requests import CASE_REQUEST_KIND_NAMES, OUTCOME_NAMES
from ops_app.domain.ledger.accounts import ACCOUNT_KIND_NAMES, COMPONENT_NAMES, chart_of
from ops_app.domain.ledger.agreements import AGREEMENT_STATE_NAMES, LAPSE_REASON_NAMES
from ops_app.domain.ledger.breaks import LEG_NAMES, BreakKind, Leg, leg_of
from ops_app.domain.ledger.commission_terms import PAID_TO_NAMES
from ops_app.domain.ledger.commissions import LINE_KIND_NAMES
from ops_app.domain.ledger.events import CAUSE_NAMES, EVENT_KIND_NAMES
from ops_app.domain.ledger.proof import PARTS, PASS_NAMES
from ops_app.domain.ledger.settlements import DISPUTE_STATE_NAMES, SETTLEMENT_STATE_NAMES
from ops_app.domain.ledger.write_off_criteria import METHOD_NAMES, PATH_NAMES
from ops_app.domain.ledger.write_offs import WRITE_OFF_STATE_NAMES
from ops_app.domain.money import minor_digits
from ops_app.domain.organisation.approvals import REQUEST_STATE_NAMES, RequestState
from ops_app.domain.organisation.people import Role
from ops_app.domain.organisation.permissions import ROLE_NAMES
from pipelines.build import manifest
from pipelines.expectations.definitions import feed_names, load_feed
from tests.dbt.conftest import Built

DBT = PROJECT_ROOT / "dbt"


@pytest.fixture(scope="module")
def nodes(built: Built) -> list[dict[str, Any]]:
    described = json.loads(manifest(built.settings).read_text(encoding="utf-8"))
    return [node for node in described["nodes"].values() if node["resource_type"] == "model"]


def _marts(nodes: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return (node for node in nodes if node["schema"] == "marts")


def _seed(name: str) -> list[dict[str, str]]:
    with (DBT / "seeds" / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_mart_says_its_grain_and_every_column_is_described_and_named_in_both_languages(
    nodes: list[dict[str, Any]],
) -> None:
    assert len(list(_marts(nodes))) >= 21
    for node in _marts(nodes):
        assert node["description"].startswith("One row per "), node["name"]
        assert {"label_en", "label_zh"} <= node["config"]["meta"].keys(), node["name"]
        for column in node["columns"].values():
            assert column["description"], (node["name"], column["name"])
            assert re.search(r"[一-鿿]", column["description"]), (node["name"], column["name"])
            assert {"label_en", "label_zh"} <= column["config"]["meta"].keys(), (node["name"], column["name"])


def test_every_mart_keeps_a_contract_and_a_key_that_is_tested(nodes: list[dict[str, Any]], built: Built) -> None:
    tested = {node.name for node in built.result.nodes if node.kind == "test"}
    for node in _marts(nodes):
        assert node["config"]["contract"]["enforced"], node["name"]
        assert any(name.startswith(f"one_row_per_{node['name']}_") for name in tested), node["name"]


def test_every_model_describes_its_grain(nodes: list[dict[str, Any]]) -> None:
    for node in nodes:
        assert node["description"].startswith("One row per "), node["name"]


def test_no_table_of_the_warehouse_holds_a_float(built: Built) -> None:
    assert (
        built.rows(
            "select table_schema, table_name, column_name from information_schema.columns"
            " where data_type in ('DOUBLE', 'FLOAT', 'REAL')"
        )
        == []
    )


def test_amounts_have_one_type_and_a_currency_beside_them(built: Built) -> None:
    rows = built.rows(
        "select table_name, list(column_name) from information_schema.columns where table_schema = 'marts'"
        " and data_type = 'DECIMAL(18,2)' group by 1"
    )
    assert rows
    with_currency = {row[0] for row in built.rows(
        "select table_name from information_schema.columns where table_schema = 'marts' and column_name = 'currency'"
    )}  # fmt: skip
    assert {row[0] for row in rows} - with_currency == {"rpt_contact_funnel"} - with_currency


def test_no_model_reads_a_clock_or_rolls_a_die() -> None:
    forbidden = re.compile(
        r"\b(now|current_date|current_timestamp|today|random|uuid|gen_random_uuid)\s*\(|current_(date|timestamp)\b",
        re.I,
    )
    for path in [*DBT.glob("models/**/*.sql"), *DBT.glob("macros/**/*.sql")]:
        assert not forbidden.search(path.read_text(encoding="utf-8")), path


def test_sources_are_read_through_one_macro_and_models_read_top_to_bottom() -> None:
    for path in DBT.glob("models/**/*.sql"):
        text = path.read_text(encoding="utf-8")
        assert "source(" not in text.replace("from_source(", ""), path
        last = [line for line in text.strip().splitlines() if line.startswith("select")][-1]
        assert path.stem in last or path.stem in text.split(last)[1] or f"from {path.stem}" in last, path


def test_windows_break_ties_and_place_nulls() -> None:
    for path in DBT.glob("models/**/*.sql"):
        text = re.sub(r"--.*", "", path.read_text(encoding="utf-8"))
        for order in re.findall(r"order by ([^()]*?)(?:rows |range |\))", text, re.S):
            for term in order.split(","):
                assert re.search(r"nulls (first|last)\s*$", term.strip()), (path, order)


def test_incremental_models_replace_partitions_and_nothing_merges(nodes: list[dict[str, Any]]) -> None:
    incremental = [node for node in nodes if node["config"]["materialized"] == "incremental"]
    assert len(incremental) >= 8
    assert {node["config"]["incremental_strategy"] for node in incremental} == {"replace_partitions"}
    for node in incremental:
        assert "replaces" in node["config"]["meta"], node["name"]


def test_currencies_and_the_money_type_agree() -> None:
    for row in _seed("currencies"):
        assert minor_digits(row["currency"]) == int(row["decimals"]), row
    whole = yaml.safe_load((DBT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]["whole_unit_currencies"]
    assert {row["currency"] for row in _seed("currencies") if row["decimals"] == "0"} == set(whole)


def _labels(enum: str) -> dict[str, tuple[str, str]]:
    return {row["code"]: (row["label_en"], row["label_zh"]) for row in _seed("labels") if row["enum"] == enum}


def test_labels_of_roles_are_those_of_the_ops_app() -> None:
    assert _labels("role") == {role.value: ROLE_NAMES[role] for role in Role}


def test_labels_of_requests_are_those_of_the_ops_app() -> None:
    assert _labels("request_state") == {state.value: REQUEST_STATE_NAMES[state] for state in RequestState}
    assert _labels("case_request_kind") == {kind.value: names for kind, names in CASE_REQUEST_KIND_NAMES.items()}
    assert _labels("case_request_outcome") == {outcome.value: names for outcome, names in OUTCOME_NAMES.items()}


def test_the_seed_of_accounts_is_the_chart_of_accounts() -> None:
    listed = yaml.safe_load((PROJECT_ROOT / "data/reference/accounts.yml").read_text(encoding="utf-8"))["accounts"]
    assert [
        (row["account_code"], row["account_number"], row["kind"], row["component"] or None, row["is_sub_ledger"],
         row["name_en"], row["name_zh"])
        for row in _seed("accounts")
    ] == [
        (one.code, one.number, one.kind.value, one.component and one.component.value, str(one.sub_ledger).lower(),
         one.name_en, one.name_zh)
        for one in chart_of(listed).values()
    ]  # fmt: skip


def test_labels_of_the_ledger_are_those_of_the_ops_app() -> None:
    assert _labels("account_kind") == {kind.value: names for kind, names in ACCOUNT_KIND_NAMES.items()}
    assert _labels("component") == {part.value: names for part, names in COMPONENT_NAMES.items()}
    assert _labels("event_kind") == {kind.value: names for kind, names in EVENT_KIND_NAMES.items()}
    assert _labels("event_cause") == {cause.value: names for cause, names in CAUSE_NAMES.items()}


@pytest.mark.parametrize(
    ("enum", "names"),
    [
        ("commission_line_kind", LINE_KIND_NAMES),
        ("paid_to", PAID_TO_NAMES),
        ("settlement_state", SETTLEMENT_STATE_NAMES),
        ("dispute_state", DISPUTE_STATE_NAMES),
        ("write_off_state", WRITE_OFF_STATE_NAMES),
        ("write_off_path", PATH_NAMES),
        ("write_off_method", METHOD_NAMES),
        ("agreement_state", AGREEMENT_STATE_NAMES),
        ("agreement_condition", CONDITIONS),
        ("lapse_reason", LAPSE_REASON_NAMES),
        ("reconciled_sides", LEG_NAMES),
        ("proof_part", PARTS),
        ("proof_pass", PASS_NAMES),
    ],
)
def test_labels_of_money_are_those_of_the_ops_app(enum: str, names: dict[Any, tuple[str, str]]) -> None:
    assert _labels(enum) == {getattr(code, "value", code): tuple(both) for code, both in names.items()}


def test_the_sides_that_the_marts_give_a_break_are_those_of_the_ops_app() -> None:
    query = (DBT / "models/reports/rpt_reconciliation.sql").read_text(encoding="utf-8")
    told = {kind.value for kind in BreakKind if f"'{kind.value}'" in query}
    assert told == {kind.value for kind in BreakKind if leg_of(kind) is not Leg.BANK}


def test_labels_of_acts_and_their_objects_are_those_of_the_consoles() -> None:
    for enum, beginning in (("action", "enum.action."), ("object_type", "enum.object.")):
        named = {
            key.removeprefix(beginning): (text["en"], text["zh"])
            for key, text in catalogue().items()
            if key.startswith(beginning)
        }
        assert _labels(enum) == named


def test_every_enumeration_has_a_label_for_each_code() -> None:
    assert set(_labels("item_kind")) == {kind.value for kind in BreakKind} | {"matched"}
    assert set(_labels("feed")) == set(feed_names())
    for enum, feed, column in (
        ("loan_status", "loans", "status"),
        ("payment_kind", "repayments", "kind"),
        ("call_channel", "calls", "channel"),
        ("call_direction", "calls", "direction"),
    ):
        rule = next(
            rule for rule in load_feed(feed).rules if getattr(rule, "column", "") == column and rule.check == "in"
        )
        assert set(_labels(enum)) == set(rule.values), enum
    assert {row["outcome"] for row in _seed("call_outcomes")} == set(_labels("call_outcome"))
    for row in _seed("labels"):
        assert row["label_en"], row
        assert row["label_zh"], row


def test_a_yml_stands_beside_every_model() -> None:
    for path in DBT.glob("models/**/*.sql"):
        beside = [path.with_suffix(".yml"), path.parent / "_models.yml"]
        assert any(one.exists() for one in beside), path


def test_nothing_in_the_project_names_a_machine_path() -> None:
    for path in (Path(p) for p in DBT.rglob("*") if p.is_file() and "target" not in p.parts and "logs" not in p.parts):
        if path.suffix in (".sql", ".yml", ".md", ".csv"):
            assert not re.search(r"(?<![\w.])/(work|root|tmp|home|Users)/", path.read_text(encoding="utf-8")), path
