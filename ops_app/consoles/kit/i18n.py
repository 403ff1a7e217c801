"""Texts of the consoles in English and 中文: one catalogue, no text in code.

The catalogue is the YAML files of ``kit/texts``; each key has ``en`` and ``zh``. A missing key or language is a
programming error (a test reads the code and the catalogue and holds them equal), so it raises instead of showing
the other language.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

from ops_app.config import yaml_of

LANGUAGES: Mapping[str, str] = {"en": "English", "zh": "中文"}
"""Language codes and how each calls itself."""

_FOLDER = Path(__file__).parent / "texts"


@functools.cache
def catalogue() -> Mapping[str, Mapping[str, str]]:
    """Every text: dotted key → language → text. Raises ``ValueError`` when two files hold one key."""
    found: dict[str, Mapping[str, str]] = {}
    for path in sorted(_FOLDER.glob("*.yml")):
        for key, texts in _flat(yaml_of(path.read_text(encoding="utf-8")), ""):
            if key in found:
                raise ValueError(f"{path.name}: {key} is there twice")
            found[key] = texts
    return found


def _flat(tree: Mapping[str, object], prefix: str) -> list[tuple[str, Mapping[str, str]]]:
    rows: list[tuple[str, Mapping[str, str]]] = []
    for name, value in tree.items():
        if not isinstance(name, str):
            raise ValueError(f"{prefix}{name}: quote this key, YAML reads it as something else than text")
        key = f"{prefix}{name}"
        if isinstance(value, list):
            if len(value) != len(LANGUAGES) or not all(isinstance(text, str) for text in value):
                raise ValueError(f"{key} must be one text per language: {', '.join(LANGUAGES)}")
            rows.append((key, dict(zip(LANGUAGES, value, strict=True))))
        elif isinstance(value, dict):
            rows += _flat(value, f"{key}.")
        else:
            raise ValueError(f"{key} is neither a group nor a pair of texts")
    return rows


def language_of(wanted: str | None) -> str:
    """The language of the house nearest to ``wanted`` (``zh-CN`` → ``zh``); English when there is none."""
    code = (wanted or "").lower().split("-")[0].split("_")[0]
    return code if code in LANGUAGES else "en"


class Texts:
    """The catalogue in one language; call it with a key and the values of its placeholders."""

    def __init__(self, language: str) -> None:
        self.language = language_of(language)

    def __call__(self, key: str, **values: object) -> str:
        text = catalogue()[key][self.language]
        return text.format(**values) if values else text

    def has(self, key: str) -> bool:
        """Whether the catalogue knows ``key`` (codes that come from data may be new)."""
        return key in catalogue()

    def code(self, group: str, code: object) -> str:
        """The label of a code that came from data: its own text when the catalogue knows it, else the code itself."""
        key = f"{group}.{code}"
        return self(key) if self.has(key) else str(code)
