"""Every sentence of the dashboards in English and 中文, from ``texts.yml``; a missing text raises."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

LANGUAGES = ("en", "zh")


@functools.cache
def catalogue() -> Mapping[str, tuple[str, str]]:
    """Dotted key → (English, 中文)."""
    text = (Path(__file__).parent / "texts.yml").read_text(encoding="utf-8")
    return dict(_flat(yaml.load(text, Loader=yaml.CSafeLoader), ""))


def _flat(tree: Mapping[str, Any], prefix: str) -> list[tuple[str, tuple[str, str]]]:
    rows: list[tuple[str, tuple[str, str]]] = []
    for name, value in tree.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list) and len(value) == len(LANGUAGES):
            rows.append((f"{prefix}{name}", (str(value[0]), str(value[1]))))
        else:
            raise ValueError(f"{prefix}{name} must be [English, 中文]")
    return rows


class Texts:
    """The catalogue in one language (English when the language is not known)."""

    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else "en"

    def __call__(self, key: str, **values: object) -> str:
        text = self.of(catalogue()[key])
        return text.format(**values) if values else text

    def of(self, pair: tuple[str, str]) -> str:
        """The side of a pair of texts that this language reads."""
        return pair[LANGUAGES.index(self.language)]

    def code(self, group: str, code: object) -> str:
        """The label of a code that came from data; a code that the catalogue does not know shows as it is."""
        key = f"{group}.{code}"
        return self(key) if key in catalogue() else str(code)
