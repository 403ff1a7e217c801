"""The templates that ship, and the pages that describe the format: neither may know less than the other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from ops_app.config import PROJECT_ROOT
from pipelines.expectations.definitions import feed_names, load_feed
from pipelines.readers import column_maps, templates
from pipelines.readers.templates import FeedMap, Template, load_template, parse_template

FOLDER = PROJECT_ROOT / "data" / "templates"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yml"))
PAGES = [FOLDER / "README.md", FOLDER / "README.zh-CN.md"]
SHIPPED = {
    "standard",
    "lending_club",
    "lending_club_2017_11",
    "uci_credit_card",
    "credit_record",
    "berka",
    "bank_marketing",
    "asterisk_cdr",
    "ppdai_listings",
}


def test_the_public_sources_are_there_by_name() -> None:
    assert set(NAMES) >= SHIPPED


@pytest.mark.parametrize("name", NAMES)
def test_a_template_says_what_it_is_and_survives_the_way_to_the_reading_process(name: str) -> None:
    template = load_template(name, [FOLDER])
    assert template.lender.en
    assert template.lender.zh
    for entry in template.feeds:
        assert FeedMap.model_validate_json(entry.model_dump_json()) == entry


@pytest.mark.parametrize("name", NAMES)
def test_a_template_fills_only_columns_that_exist_and_every_one_that_must_be_filled(name: str) -> None:
    for entry in load_template(name, [FOLDER]).feeds:
        feed = load_feed(entry.feed)
        assert set(entry.columns) <= set(feed.columns), entry.label
        must = {column for column, spec in feed.columns.items() if spec.required}
        assert entry.same_names or must <= set(entry.columns), entry.label


def models() -> list[type[BaseModel]]:
    found = [(file, one) for file in (column_maps, templates) for one in vars(file).values() if isinstance(one, type)]
    return [one for file, one in found if issubclass(one, BaseModel) and one.__module__ == file.__name__]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_key_of_the_format_is_described(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    words = {field.alias or name for one in models() for name, field in one.model_fields.items()}
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    described = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`([^`]+)`", prose))))
    assert words - described == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_standard_feed_is_named(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert [feed for feed in feed_names() if f"`{feed}`" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_the_example_of_the_page_is_a_valid_template(page: Path) -> None:
    example = re.search(r"```yaml\n(.+?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert example
    assert isinstance(parse_template(example[1], "river_bank"), Template)


def test_the_two_languages_keep_step() -> None:
    english, chinese = (page.read_text(encoding="utf-8") for page in PAGES)
    for pattern in (r"^#+ ", r"^\| ", r"^```", r"^(?:raw|recoup|\$EDITOR).*$"):
        assert len(re.findall(pattern, english, re.MULTILINE)) == len(re.findall(pattern, chinese, re.MULTILINE)), (
            pattern
        )
    commands = [re.findall(r"`((?:raw|recoup) [^`]+)`", text) for text in (english, chinese)]
    assert commands[0] == commands[1]


def test_every_folder_of_data_is_described() -> None:
    text = (PROJECT_ROOT / "data" / "README.md").read_text(encoding="utf-8")
    committed = {path.name for path in (PROJECT_ROOT / "data").iterdir() if path.is_dir()}
    assert {name for name in committed if f"{name}/" not in text} == set()
