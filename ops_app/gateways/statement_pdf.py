"""PDF of statements, set by Typst with a font that has Chinese, embedded. The same content gives the same bytes."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typst

from ops_app.config import PROJECT_ROOT
from ops_app.domain.errors import NotReady

TEMPLATE = PROJECT_ROOT / "data" / "reference" / "commission" / "statement.typ"

FONTS: Mapping[str, str] = {
    "NotoSansCJK": "Noto Sans CJK SC",
    "NotoSansSC": "Noto Sans SC",
    "SourceHanSansSC": "Source Han Sans SC",
    "SourceHanSansCN": "Source Han Sans CN",
    "wqy-microhei": "WenQuanYi Micro Hei",
    "wqy-zenhei": "WenQuanYi Zen Hei",
}
"""Beginning of a font file's name → the family in it. The first one that is found sets every statement."""

FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts", "/Library/Fonts")


class FontMissing(NotReady):
    """No font with Chinese is on this machine."""

    def __init__(self) -> None:
        super().__init__(
            "No font with Chinese is installed, so no PDF can be set. Install fonts-noto-cjk or fonts-wqy-microhei.",
            "本机未安装中文字体，无法生成 PDF。请安装 fonts-noto-cjk 或 fonts-wqy-microhei。",
        )


def chinese_font(folders: tuple[str, ...] = FOLDERS) -> tuple[Path, str]:
    """The folder and the family of a font with Chinese. Raises ``FontMissing``."""
    there = sorted(_files(folders))
    for beginning, family in FONTS.items():
        for file in there:
            if file.name.startswith(beginning):
                return file.parent, family
    raise FontMissing


def set_statement(data: Mapping[str, Any]) -> bytes:
    """The PDF of a statement's texts (``data``: what the template names). Raises ``FontMissing``."""
    folder, family = _font()
    made = typst.compile(
        str(TEMPLATE), format="pdf", font_paths=[str(folder)], ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(dict(data) | {"fonts": [family]}, sort_keys=True, ensure_ascii=False)},
    )  # fmt: skip
    assert isinstance(made, bytes), "one document is asked for"
    return made


@functools.cache
def _font() -> tuple[Path, str]:
    return chinese_font()


def _files(folders: tuple[str, ...]) -> Iterator[Path]:
    for folder in folders:
        place = Path(folder).expanduser()
        if place.is_dir():
            yield from (file for file in place.rglob("*") if file.suffix.lower() in {".ttf", ".otf", ".ttc"})
