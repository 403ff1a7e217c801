"""An encoding is proved over the whole file or the file is refused; it is never guessed from a beginning."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.readers.encodings import CHUNK, detect_encoding
from pipelines.readers.refusals import FileRefused

CHINESE = "姓名,金额\n张三,12.50\n李四,7.00\n"


@pytest.mark.parametrize(
    ("body", "named", "expected"),
    [
        (b"a,b\n", "auto", "utf-8"),
        (b"", "auto", "utf-8"),
        (CHINESE.encode(), "auto", "utf-8"),
        (CHINESE.encode("utf-8-sig"), "auto", "utf-8-sig"),
        (CHINESE.encode("utf-8-sig"), "utf-8", "utf-8-sig"),
        (CHINESE.encode("gb18030"), "auto", "gb18030"),
        (CHINESE.encode("gb18030"), "gbk", "gbk"),
        ("人民币¥,𠮷".encode("gb18030"), "auto", "gb18030"),
        ("José,12".encode("latin-1"), "latin-1", "iso8859-1"),
        (CHINESE.encode("utf-16"), "utf-16", "utf-16"),
    ],
)
def test_text_is_read_in_the_encoding_it_proves(body: bytes, named: str, expected: str) -> None:
    assert detect_encoding(body, named) == expected
    body.decode(expected)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (CHINESE.encode("utf-16"), "auto"),
        (CHINESE.encode("utf-32"), "auto"),
        (CHINESE.encode("gb18030"), "utf-8"),
        (CHINESE.encode("utf-8-sig") + b"\xff\xff", "auto"),
        (b"\xff\xff\xff", "auto"),
        (b"a", "no-such-encoding"),
        ("Müller, Renée, José Núñez".encode("latin-1"), "auto"),
        ("Zażółć gęślą jaźń".encode("cp1250"), "auto"),
        (CHINESE.encode()[:-1] + b"\xe5", "utf-8"),
        (("张三的还款记录" * 20).encode() + b"\xe5\xbc", "auto"),
    ],
)
def test_text_that_proves_nothing_is_refused(body: bytes, named: str) -> None:
    with pytest.raises(FileRefused) as caught:
        detect_encoding(body, named)
    assert caught.value.code == "encoding"
    assert caught.value.zh


def test_a_bad_byte_at_the_very_end_of_a_long_file_counts(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_bytes(b"x" * (2 * CHUNK) + "张".encode() * 10)
    assert detect_encoding(path) == "utf-8"
    path.write_bytes(b"x" * (2 * CHUNK) + "张".encode() * 10 + "张".encode()[:2])
    with pytest.raises(FileRefused):
        detect_encoding(path)


def test_a_character_across_two_chunks_is_one_character(tmp_path: Path) -> None:
    path = tmp_path / "across.csv"
    for encoding in ("utf-8", "gb18030"):
        path.write_bytes(b"x" * (CHUNK - 1) + "张三的还款".encode(encoding))
        assert detect_encoding(path) == encoding


@given(st.text(alphabet=st.characters(codec="gb2312", exclude_characters="\0"), min_size=1))
def test_any_text_of_the_common_chinese_characters_is_read_back(text: str) -> None:
    body = text.encode("gb18030")
    assert body.decode(detect_encoding(body, "gb18030")) == text
    assert text.encode().decode(detect_encoding(text.encode())).removeprefix("\ufeff") == text.removeprefix("\ufeff")
