"""Every figure, heading and sentence is there in both languages, and nothing is defined twice or forgotten."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboards.definitions import metrics, row_sets
from dashboards.published import latest
from dashboards.rows import columns_of
from dashboards.texts import catalogue
from dashboards.views.overview import GROUPS

FOLDER = Path(__file__).parents[2] / "dashboards"
HAN = re.compile("[\u4e00-\u9fff]")
WITHOUT_WORDS = {"axis.share", "filter.said"}


@pytest.mark.parametrize("code", list(metrics()))
def test_a_figure_says_in_both_languages_what_it_is(code: str) -> None:
    metric = metrics()[code]
    texts = [metric.name, metric.says, metric.formula, metric.window]
    if metric.is_rate:
        texts += [metric.numerator, metric.denominator]
    for english, chinese in texts:
        assert english, code
        assert not HAN.search(english), english
        assert HAN.search(chinese), chinese


def test_two_figures_never_bear_one_name() -> None:
    for language in (0, 1):
        names = [metric.name[language] for metric in metrics().values()]
        assert len(names) == len(set(names))


def test_every_figure_leads_to_rows() -> None:
    for metric in metrics().values():
        assert {part.rows for part in metric.rows.values()} <= set(row_sets()), metric.code
        assert ("bottom" in metric.rows) == metric.is_rate, metric.code


def test_every_figure_is_on_a_page() -> None:
    used = {text for path in FOLDER.rglob("*.py") for text in strings(path)} | {c for g in GROUPS.values() for c in g}
    # the two of the heat map are named by what they count
    assert set(metrics()) - used == {"roll_balance", "roll_cases"} - used


def test_every_sentence_is_there_in_both_languages() -> None:
    for key, (english, chinese) in catalogue().items():
        assert english, key
        assert chinese, key
        assert not HAN.search(english), key
        if key not in WITHOUT_WORDS:
            assert HAN.search(chinese), key
        assert sorted(re.findall(r"{\w+}", english)) == sorted(re.findall(r"{\w+}", chinese)), key


def test_chinese_sentences_use_chinese_punctuation() -> None:
    for key, (_, chinese) in catalogue().items():
        assert not re.search("[\u4e00-\u9fff][,;:!?()]", chinese), key
    for metric in metrics().values():
        for _, chinese in (metric.says, metric.formula, metric.window, metric.numerator, metric.denominator):
            assert not re.search("[\u4e00-\u9fff][,;:!?()]", chinese), metric.code


def strings(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def patterns_in_code() -> tuple[set[str], set[str]]:
    """Keys of the catalogue in the code, and the beginnings of those that are put together (``period.`` …)."""
    whole, begun = set(), set()
    groups = {key.split(".")[0] for key in catalogue()}
    for path in FOLDER.rglob("*.py"):
        for text in strings(path):
            if re.fullmatch(r"[a-z_]+\.[a-z_0-9.]+", text) and text.split(".")[0] in groups:
                (begun if text.endswith((".", "_")) else whole).add(text)
            elif re.fullmatch(r"[a-z_]+\.", text) and text[:-1] in groups:
                begun.add(text)
    return whole, begun


def test_every_sentence_that_is_asked_for_is_there() -> None:
    whole, begun = patterns_in_code()
    assert len(whole) > 40
    assert {key for key in whole if key not in catalogue() and not key.endswith((".py", ".yml", ".json"))} == set()
    assert {start for start in begun if not any(key.startswith(start) for key in catalogue())} == set()


def test_no_sentence_is_kept_that_nobody_shows(book: Path) -> None:
    whole, begun = patterns_in_code()
    shown = {key for key in catalogue() if key in whole or any(key.startswith(start) for start in begun)}
    spoken = {"column", "enum"}  # asked for by the names that come from data
    assert {key for key in catalogue() if key.split(".")[0] not in spoken} - shown == set()


def test_every_column_of_every_row_set_has_a_heading(book: Path) -> None:
    published = latest(book)
    for source in row_sets().values():
        for column in columns_of(published, source):
            assert f"column.{column}" in catalogue(), f"{source.code}: {column}"


def test_only_one_module_opens_the_database() -> None:
    opens = {
        path.relative_to(FOLDER).as_posix()
        for path in FOLDER.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Import) and any(name.name.split(".")[0] == "duckdb" for name in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "duckdb")
    }
    assert opens == {"published.py"}


def test_the_dashboards_know_nothing_of_the_house() -> None:
    for path in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [name.name for name in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(module.split(".")[0] in {"ops_app", "pipelines"} for module in modules), path
