"""Loans named by what is known of them, for senders whose file has lost its ids.

A template says which columns together name a loan (``hash``). The feed ``loan_keys`` of a file that still has ids says
which loan that is. Rows that came under a natural key take the loan's id as soon as both files are there, whichever
came first; a key that names two loans names none, and its rows keep the key.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from pipelines.expectations.definitions import Feed, feed_names, load_feed
from pipelines.loading import touch
from pipelines.readers.templates import FeedMap
from pipelines.sql_words import literal, quoted
from pipelines.warehouse import Connection, rows

KEYS = "loan_keys"
_PREFIX = "nk_%"


def known_loans(source_code: str) -> str:
    """SQL of (natural_key, found): the keys of a source that name exactly one loan."""
    return (
        f"(select natural_key, any_value(loan_id) as found from raw.{KEYS}"
        f" where source_code = {literal(source_code)} group by natural_key having count(distinct loan_id) = 1)"
    )


def with_known_loans(entry: FeedMap, feed: Feed, source_code: str, accepted: str) -> str:
    """``accepted`` (SQL) with the ids of loans in place of natural keys that are known; itself where none are used."""
    hashed = [column for column, how in entry.columns.items() if how.hash and feed.columns[column].type == "id"]
    if feed.feed == KEYS or "loan_id" not in hashed:
        return accepted
    # a customer who is only known by the loan is named by the same key
    replaced = ", ".join(
        f"case when {quoted(column)} = natural_key then found else {quoted(column)} end as {quoted(column)}"
        for column in hashed
    )
    return (
        f"(select * exclude (natural_key, found) replace ({replaced}) from {accepted}"
        f" left join {known_loans(source_code)} on loan_id = natural_key)"
    )


def name_waiting_loans(connection: Connection, source_code: str, file_date: str, zone: ZoneInfo) -> list[str]:
    """Give rows that came earlier under a natural key the id of their loan; returns the loans that were named.

    Runs inside the caller's transaction, after new keys are in ``raw.loan_keys``.
    """
    named: set[str] = set()
    for feed in map(load_feed, feed_names()):
        if "loan_id" not in feed.columns or feed.feed == KEYS:
            continue
        waiting = (
            f"(select r.*, natural_key, found from raw.{feed.feed} r join {known_loans(source_code)}"
            f" on loan_id = natural_key where source_code = {literal(source_code)} and loan_id like {literal(_PREFIX)})"
        )
        found = rows(connection, f"select distinct found from {waiting}")
        if not found:
            continue
        named.update(loan for (loan,) in found)
        touch(connection, feed, waiting, file_date, zone)
        same = [column for column, how in feed.columns.items() if how.type == "id" and column != "loan_id"]
        also = "".join(
            f", {quoted(c)} = case when {quoted(c)} = k.natural_key then k.found else {quoted(c)} end" for c in same
        )
        connection.execute(
            f"update raw.{feed.feed} set loan_id = k.found{also} from {known_loans(source_code)} k"
            f" where source_code = {literal(source_code)} and loan_id = k.natural_key"
        )
    return sorted(named)
