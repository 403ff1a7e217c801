"""Taking an import out of the warehouse: every row of it, its quarantine and its place among the files, at once."""

from __future__ import annotations

from ops_app.domain.errors import Conflict
from ops_app.services.organisation.imports import Import
from pipelines.warehouse import Connection, rows


class RowsShared(Conflict):
    """Rows of the import stand for equal rows of other files, so that removing them would lose what others sent."""

    def __init__(self) -> None:
        super().__init__(
            "The import stays: rows of other files are the same as rows of it, and would be lost with it.",
            "该导入不能撤销：其他文件中有与其相同的数据行，撤销会一并丢失。",
        )


def repeats_of_others(connection: Connection, source_code: str, feed: str, file_id: str) -> int:
    """Rows that other files of the feed share with some file. It grows when a row of this file takes the place of an
    equal one of theirs, or an equal one of theirs is not kept because this file has it."""
    (count,) = rows(
        connection,
        "select coalesce(sum(rows_repeated), 0) from raw.files where source_code = ? and feed = ? and file_id <> ?",
        (source_code, feed, file_id),
    )[0]
    return int(count)


def take_out(connection: Connection, one: Import) -> None:
    """Remove everything the import brought, within the caller's transaction; again is a no-op.

    Raises ``RowsShared``. The bytes stay among the evidence, and the partitions stay marked as touched: a build that
    finds nothing there removes what an earlier build made.
    """
    if one.file_id is None or not _files(connection, one, "template = ? and entry = ?", (one.template, one.entry)):
        return
    same_rows = _files(connection, one, "source_code = ? and feed = ?", (one.source_code, one.feed))
    repeats = repeats_of_others(connection, one.source_code, one.feed, one.file_id)
    if same_rows > 1 or repeats != (one.repeats_before or 0):
        raise RowsShared
    connection.execute(
        f"delete from raw.{one.feed} where file_id = ? and source_code = ?", [one.file_id, one.source_code]
    )
    for table in ("quarantine", "files"):
        connection.execute(
            f"delete from raw.{table} where file_id = ? and template = ? and entry = ?",
            [one.file_id, one.template, one.entry],
        )
    connection.execute(
        "delete from raw.expectation_results where file_id = ? and feed = ? and entry = ?",
        [one.file_id, one.feed, one.entry],
    )


def _files(connection: Connection, one: Import, condition: str, values: tuple[str, str]) -> int:
    found = rows(
        connection, f"select count(*) from raw.files where file_id = ? and {condition}", (one.file_id, *values)
    )
    return int(found[0][0])
