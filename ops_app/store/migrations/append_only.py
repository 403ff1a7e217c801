"""Triggers for tables whose rows are never changed nor removed, alike on both stores."""

from __future__ import annotations

from alembic import op


def make_append_only(table: str) -> None:
    """Forbid UPDATE, DELETE and TRUNCATE on ``table``, for everybody."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("update", "delete"):
            op.execute(
                f"create trigger {table}_no_{verb} before {verb} on {table}"
                f" begin select raise(abort, '{table} is append-only'); end"
            )
        return
    op.execute(
        f"create function {table}_append_only() returns trigger language plpgsql as"
        f" $$ begin raise exception '{table} is append-only'; end $$"
    )
    op.execute(
        f"create trigger {table}_append_only before update or delete or truncate on {table}"
        f" for each statement execute function {table}_append_only()"
    )


def make_contiguous(table: str, column: str) -> None:
    """Only the next number of ``column`` may be inserted into ``table``: no gap, no insertion in the middle."""
    expected = f"(select coalesce(max({column}), 0) + 1 from {table})"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            f"create trigger {table}_contiguous before insert on {table} when new.{column} <> {expected}"
            f" begin select raise(abort, '{table} rows follow one another'); end"
        )
        return
    op.execute(
        f"create function {table}_contiguous() returns trigger language plpgsql as"
        f" $$ begin if new.{column} <> {expected} then raise exception '{table} rows follow one another';"
        f" end if; return new; end $$"
    )
    op.execute(
        f"create trigger {table}_contiguous before insert on {table} for each row execute function {table}_contiguous()"
    )


def make_undeletable(table: str) -> None:
    """Forbid DELETE and TRUNCATE on ``table``, for everybody: its rows may change and are there for ever."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            f"create trigger {table}_no_delete before delete on {table}"
            f" begin select raise(abort, '{table} keeps its rows'); end"
        )
        return
    op.execute(
        f"create function {table}_keeps() returns trigger language plpgsql as"
        f" $$ begin raise exception '{table} keeps its rows'; end $$"
    )
    op.execute(
        f"create trigger {table}_keeps before delete or truncate on {table}"
        f" for each statement execute function {table}_keeps()"
    )
