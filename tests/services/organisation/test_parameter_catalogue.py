"""The catalogue of parameters: whole, in both languages, and the same as what the warehouse says."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
import yaml

from ops_app.config import PROJECT_ROOT
from ops_app.domain.organisation.parameter_ranges import code_of
from ops_app.domain.organisation.parameter_values import stored_form
from ops_app.domain.organisation.parameters import AREAS, Definition, Scope
from ops_app.services.organisation.parameter_catalogue import FILE, catalogue, read_catalogue

HAN = re.compile(r"[\u4e00-\u9fff]")
CODE = PROJECT_ROOT / "ops_app"
DEFINITIONS = list(catalogue().definitions.values())

each = pytest.mark.parametrize("one", DEFINITIONS, ids=[one.code for one in DEFINITIONS])


def readers(code: str) -> list[str]:
    """Modules of the app that name ``code``."""
    wanted = re.compile(rf"""["']{re.escape(code)}["']""")
    return [
        str(path.relative_to(PROJECT_ROOT))
        for path in CODE.rglob("*.py")
        if wanted.search(path.read_text(encoding="utf-8"))
    ]


@each
def test_each_parameter_is_named_and_explained_in_both_languages(one: Definition) -> None:
    pairs = [one.name, one.help, *one.code_names.values(), *([one.unit] if one.unit else [])]
    for english, chinese in pairs:
        assert english.strip()
        assert not HAN.search(english)
        assert HAN.search(chinese)
    assert one.area in AREAS


@each
def test_each_parameter_is_read_by_the_module_it_names_or_says_that_it_waits_for_it(one: Definition) -> None:
    named = PROJECT_ROOT / one.read_by
    if one.awaited:
        assert readers(one.code) == [], f"{one.code} is read now: name its reader in read_by and drop awaited"
    elif one.held_in is not None:
        assert named.is_file()
        assert (PROJECT_ROOT / one.held_in).is_file()
    else:
        assert one.read_by in readers(one.code), f"{one.read_by} does not read {one.code}"


@each
def test_each_default_is_within_its_own_bounds_for_every_scope(one: Definition) -> None:
    for text, value in {"all": one.default, **one.defaults}.items():
        one.check_scope(Scope.parse(text))
        assert one.rule.read(stored_form(value)) == value


def seed(name: str) -> list[dict[str, str]]:
    with (PROJECT_ROOT / "dbt" / "seeds" / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_bucket_edges_are_those_of_the_seed() -> None:
    told = catalogue().definitions["casework.buckets"].default
    assert isinstance(told, tuple)
    rows = seed("buckets")
    assert [(one.code, one.first) for one in told] == [(row["code"], int(row["from_day"])) for row in rows]
    assert [one.last for one in told[:-1]] == [int(row["to_day"]) for row in rows[:-1]]
    assert told[-1].last is None


def test_the_bucket_edges_are_those_of_the_macro() -> None:
    told = catalogue().definitions["casework.buckets"].default
    macro = (PROJECT_ROOT / "dbt" / "macros" / "bucket.sql").read_text(encoding="utf-8")
    edges = [(int(last), code) for last, code in re.findall(r"<= (\d+) then '(\w+)'", macro)]
    beyond = re.search(r"else '(\w+)'", macro)[1]

    def by_macro(days: int) -> str:
        return next((code for last, code in edges if days <= last), beyond)

    assert len(edges) == 7
    for days in range(-5, 400):
        assert code_of(told, days) == by_macro(days)


def test_the_rules_of_promises_are_those_of_the_warehouse() -> None:
    stated = yaml.safe_load((PROJECT_ROOT / "dbt" / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
    known = catalogue().definitions
    assert known["contact.promise_grace_days"].default == stated["promise_grace_days"]
    assert known["contact.promise_kept_share"].default == known["contact.promise_kept_share"].rule.read(
        stated["promise_kept_share"]
    )


def test_the_products_are_those_of_the_seed() -> None:
    assert catalogue().products == {row["product_code"]: (row["name_en"], row["name_zh"]) for row in seed("products")}


def test_the_regions_are_those_of_the_seed() -> None:
    assert catalogue().regions == {row["region_code"]: (row["name_en"], row["name_zh"]) for row in seed("regions")}


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "lender.yml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_lenders_file_adds_defaults_parameters_and_products(tmp_path: Path) -> None:
    more = write(
        tmp_path,
        """
products: {car_loan: [Car loan, 车贷]}
parameters:
  casework.intake_days_past_due: {defaults: {lender=B9/product=car_loan: 10}}
  casework.new: {name: [New, 新], help: [New., 新。], type: decimal, places: 2, default: "1.50", read_by: x.py}
""",
    )
    made = read_catalogue(FILE, more)
    assert made.products["car_loan"] == ("Car loan", "车贷")
    assert made.definitions["casework.intake_days_past_due"].defaults == {"lender=B9/product=car_loan": 10}
    assert str(made.definitions["casework.new"].default) == "1.50"
    assert len(made.definitions) == len(DEFINITIONS) + 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("parameters: {casework.buckets: {default: 1}}", "is there already"),
        ("parameters: {casework.limitation_years: {defaults: {pack=UK: 5}}}", "has a default for pack=UK already"),
        ("parameters: {casework.limitation_years: {defaults: {lender=B1: 5}}}", "does not vary by lender"),
        ("parameters: {casework.limitation_years: {defaults: {pack=US: 500}}}", "The most is 30"),
        ("parameters: {casework.x: {nonsense: 1}}", "casework.x has no nonsense"),
        ("parameters: {casework.x: {name: [X, 新]}}", "casework.x"),
        ("products: {car: [Car loan]}", "one text in English and one in 中文"),
        (
            "parameters: {other.x: {name: [X, 新], help: [X, 新], type: days, default: 1, read_by: x.py}}",
            "a code begins with its area",
        ),
        (
            "parameters: {casework.x: {name: [X, 新], help: [X, 新], type: share, most: 0.5, default: 0, read_by: x}}",
            "written in quotes",
        ),
    ],
)
def test_a_file_that_is_wrong_is_refused_by_naming_the_entry(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        read_catalogue(FILE, write(tmp_path, text))
