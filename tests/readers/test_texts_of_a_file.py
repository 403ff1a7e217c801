"""What is known of all texts of a file never changes what becomes of a row."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.readers import encodings, envelope, read
from pipelines.readers.templates import FeedMap
from pipelines.readers.texts import ANYTHING, Seen, holds_controls
from tests.pipelines.reading import read as read_file

ENTRY = FeedMap(feed="contact_summaries", same_names=True, max_refused_share=1)
ODD = st.sampled_from(
    [" lead", "trail ", "a b", "1.2E+17", "E+", "x+y", "\x07", "a\x7fb", "\t", "张三", "", "C-1", "é "]
)
IDS = ODD | st.text("aE+ 1\x01é", max_size=5)


def frame(ids: list[str]) -> pl.DataFrame:
    count = len(ids)
    return pl.DataFrame({"customer_id": ids, "campaign": ids[::-1], "attempts": [str(n) for n in range(count)]})


def outcome(path: Path) -> tuple[dict[str, int], list[tuple[Any, ...]]]:
    reading = read_file(path, ENTRY)
    refused = reading.sql("select line_no, rule, column_name, value from rejects order by all")
    return reading.reasons(), [*reading.sql("select customer_id, campaign, line_no from accepted order by 3"), *refused]


@settings(max_examples=60, deadline=None)
@given(st.lists(IDS, min_size=1, max_size=6))
def test_rows_of_parquet_fare_the_same_whether_or_not_all_texts_were_looked_at(ids: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = Path(folder) / "summaries_2024-01-31.parquet"
        frame(ids).write_parquet(path)
        looked_at = outcome(path)
        patch.setattr(read, "texts_looked_at", lambda connection, source, *rest: source)
        assert looked_at == outcome(path)


@settings(max_examples=60, deadline=None)
@given(st.lists(IDS.filter(lambda text: "\t" not in text), min_size=1, max_size=6))
def test_rows_of_text_fare_the_same_whether_or_not_exponents_were_looked_for(ids: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = Path(folder) / "summaries_2024-01-31.csv"
        frame(ids).write_csv(path, quote_style="always")
        looked_at = outcome(path)
        made = envelope.TextFacts

        def of_unknown_texts(*args: Any, **kwargs: Any) -> envelope.TextFacts:
            return made(*args, **{**kwargs, "exponents": True})

        patch.setattr(envelope, "TextFacts", of_unknown_texts)
        assert looked_at == outcome(path)


@pytest.mark.parametrize(
    ("ids", "seen"),
    [
        (["C1", "C2"], Seen(controls=False, blanks=False, exponents=False)),
        (["C 1", "张三"], Seen(controls=False, blanks=False, exponents=False)),
        (["C1 ", "C2"], Seen(controls=False, blanks=True, exponents=False)),
        (["C1", " C2"], Seen(controls=False, blanks=True, exponents=False)),
        (["C1", "+86"], Seen(controls=False, blanks=False, exponents=True)),
        (["C1", "a\x0bb"], Seen(controls=True, blanks=False, exponents=False)),
        ([None, "", "a\nb"], Seen(controls=False, blanks=False, exponents=False)),
    ],
)
def test_what_stands_in_the_texts_of_parquet_is_seen(ids: list[str], seen: Seen, tmp_path: Path) -> None:
    path = tmp_path / "summaries_2024-01-31.parquet"
    pl.DataFrame({"customer_id": ids, "campaign": ["M"] * len(ids), "attempts": ["1"] * len(ids)}).write_parquet(path)
    found: list[Seen] = []
    with pytest.MonkeyPatch.context() as patch:
        look = read.texts_looked_at

        def noted(*given: Any) -> Any:
            found.append(look(*given).seen)
            return look(*given)

        patch.setattr(read, "texts_looked_at", noted)
        read_file(path, ENTRY)
    assert found == [seen]
    assert seen != ANYTHING


@given(st.binary(max_size=40))
def test_control_bytes_are_found(data: bytes) -> None:
    wanted = any((byte < 32 and byte not in (9, 10, 13)) or byte == 127 for byte in data)
    assert holds_controls(np.frombuffer(data, np.uint8)) is wanted


@given(st.binary(max_size=30) | st.text(max_size=12).map(lambda text: text.encode("utf-8", "surrogatepass")))
@settings(max_examples=400)
def test_utf8_is_what_python_decodes_however_the_file_is_cut(data: bytes) -> None:
    try:
        data.decode("utf-8")
        wanted = True
    except UnicodeDecodeError:
        wanted = False
    with pytest.MonkeyPatch.context() as patch:
        for size in (1, 2, 3, 5, 1 << 20):
            patch.setattr(encodings, "CHUNK", size)
            assert encodings._is_utf8(data) is wanted
