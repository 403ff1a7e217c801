"""How codes are written for people."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from ops_app.consoles.kit.i18n import Texts
from ops_app.consoles.kit.labels import Labels


@pytest.mark.parametrize(
    ("language", "names"),
    [
        ("en", ["Chinese", "English (United Kingdom)", "klingon!", "–"]),
        ("zh", ["中文", "英语 (英国)", "klingon!", "–"]),
    ],
)
def test_a_language_is_named_and_an_unknown_code_stays(language: str, names: list[str]) -> None:
    labels = Labels(Texts(language), ZoneInfo("Asia/Shanghai"))
    assert [labels.language(code) for code in ("zh", "en-GB", "klingon!", None)] == names
