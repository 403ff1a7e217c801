"""The named transforms of a template: one small step on a text each, as DuckDB SQL."""

from __future__ import annotations

from pipelines.readers.column_maps import Transform
from pipelines.sql_words import literal


def transform(source: str, step: Transform) -> str:
    """One named step of the vocabulary over a text expression."""
    word, given = step.word, getattr(step, step.word)
    plain = {
        "trim": f"trim({source}, ' \t\r\n' || chr(12288) || chr(160))",
        "upper": f"upper({source})",
        "lower": f"lower({source})",
        "digits": f"regexp_replace({source}, '[^0-9]', '', 'g')",
        "collapse_spaces": f"regexp_replace({source}, '\\s+', ' ', 'g')",
        "multiply": source,
    }
    if word in plain:
        return plain[word]
    if word == "replace":
        return (
            f"replace({source}, {literal(step.replace.find)}, {literal(step.replace.with_)})"
            if step.replace
            else source
        )
    if word == "pad_left":
        pad = step.pad_left
        if pad is None:
            return source
        padded = f"lpad({source}, {pad.length}, {literal(pad.with_)})"
        return f"case when length({source}) < {pad.length} then {padded} else {source} end"
    mark, length = literal(str(given)), len(str(given))
    return {
        "strip_prefix": f"case when starts_with({source}, {mark}) then {source}[{length + 1}:] else {source} end",
        "strip_suffix": (
            f"case when ends_with({source}, {mark}) then left({source}, length({source}) - {length}) else {source} end"
        ),
        "remove": f"replace({source}, {mark}, '')",
        "before": f"split_part({source}, {mark}, 1)",
        "after": f"case when contains({source}, {mark}) then {source}[strpos({source}, {mark}) + {length}:]"
        f" else {source} end",
        "extract": f"regexp_extract({source}, {mark}, 1)",
    }[word]
