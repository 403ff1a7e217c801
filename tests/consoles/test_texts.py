"""The catalogue is whole in both languages, and the code and the catalogue name the same keys."""

from __future__ import annotations

import ast
import io
import re
import string
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops_app.config import PROJECT_ROOT
from ops_app.consoles import pages
from ops_app.consoles.kit.i18n import LANGUAGES, Texts, catalogue, language_of
from ops_app.domain.organisation.permissions import GRANTS
from ops_app.interfaces.sign_in_page import TEXTS

CONSOLES = Path(pages.__file__).parent
HAN = re.compile(r"[\u4e00-\u9fff]")


def called_keys() -> Iterator[tuple[str, str, bool]]:
    """Every key the code asks for: file, key, and whether it is only the beginning of one (an f-string)."""
    for path in sorted(CONSOLES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name not in {"t", "t_en", "t_zh"}:
                continue
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield path.name, first.value, False
            elif isinstance(first, ast.JoinedStr) and isinstance(first.values[0], ast.Constant):
                yield path.name, str(first.values[0].value), True


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_text_is_there_in_both_languages_with_the_same_placeholders() -> None:
    for key, texts in catalogue().items():
        assert set(texts) == set(LANGUAGES), key
        assert all(text.strip() for text in texts.values()), key
        assert placeholders(texts["en"]) == placeholders(texts["zh"]), key


def test_chinese_texts_are_chinese_and_english_ones_are_not() -> None:
    for key, texts in catalogue().items():
        assert not HAN.search(texts["en"]), key
        letters = re.sub(r"\{.*?\}|\bGX\b|CSV|XLSX|Excel|SQL", "", texts["zh"])
        if re.search(r"[A-Za-z]{2,}", letters):
            assert HAN.search(letters), key


def test_every_key_that_the_code_asks_for_is_in_the_catalogue() -> None:
    found = list(called_keys())
    assert len(found) > 50
    for file, key, is_beginning in found:
        if is_beginning:
            assert any(known.startswith(key) for known in catalogue()), (file, key)
        else:
            assert key in catalogue(), (file, key)


def test_no_text_is_kept_that_nobody_asks_for() -> None:
    asked = {key for _, key, beginning in called_keys() if not beginning}
    beginnings = tuple({key for _, key, beginning in called_keys() if beginning})
    source = "\n".join(path.read_text(encoding="utf-8") for path in CONSOLES.rglob("*.py"))
    for key in catalogue():
        if key in asked or key.startswith(("enum.", *beginnings)):
            continue
        assert f'"{key}"' in source, key


def test_every_role_permission_page_and_section_has_its_texts() -> None:
    t = Texts("zh")
    for permission in GRANTS:
        assert t.has(f"permission.{permission}")
    for spec in pages.PAGES:
        assert t.has(f"page.{spec.key}.title")
        assert t.has(f"page.{spec.key}.lead")
        assert spec.section in pages.SECTIONS
    for section in pages.SECTIONS:
        assert t.has(f"section.{section}")


def test_the_sign_in_form_speaks_both_languages() -> None:
    for key, (english, chinese) in TEXTS.items():
        assert english, key
        assert HAN.search(chinese), key
        assert placeholders(english) == placeholders(chinese), key


@pytest.mark.parametrize(
    ("wanted", "given"), [("zh-CN", "zh"), ("zh_Hans", "zh"), ("en-GB", "en"), ("fr", "en"), (None, "en")]
)
def test_an_unknown_language_is_answered_in_english(wanted: str | None, given: str) -> None:
    assert language_of(wanted) == given


def test_a_missing_text_is_an_error_and_not_the_other_language() -> None:
    with pytest.raises(KeyError):
        Texts("zh")("no.such.key")


_HALF_WIDTH = re.compile(r"[\u4e00-\u9fff”》][,:;?!(](?![a-z])|[,:;(][\u4e00-\u9fff“《]")


def test_sentences_in_chinese_have_full_width_marks() -> None:
    """Refusals and names stand in Python beside their English; the texts of pages are held by a test of theirs."""
    wrong = []
    for folder in ("ops_app", "pipelines"):
        for path in sorted((PROJECT_ROOT / folder).rglob("*.py")):
            for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
                said = token.string
                if token.type != tokenize.STRING or '"""' in said or "\\" in said or "[" in said.split("{")[0]:
                    continue
                if _HALF_WIDTH.search(re.sub(r"\{[^{}]*\}", "", said)):
                    wrong.append(f"{path.relative_to(PROJECT_ROOT)}:{token.start[0]}: {said}")
    assert not wrong, wrong
