"""Triggers for tables of periods, alike on both stores: no two periods of one owner share a day, and of a stored row
only its open end is ever set, once."""

from __future__ import annotations

from collections.abc import Sequence

from alembic import op

_FAR = "9999-12-31"


def forbid_overlap(table: str, owner: str, owner_table: str) -> None:
    """No two rows of ``table`` with one ``owner`` share a day.

    PostgreSQL locks the owner's row first (``owner_table`` has a column of the same name), so that two transactions
    cannot each miss the other's row.
    """
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("insert", "update"):
            op.execute(
                f"create trigger {table}_no_overlap_{verb} before {verb} on {table} when exists ("
                f" select 1 from {table} other where other.{owner} = new.{owner}"
                f"{' and other.rowid <> old.rowid' if verb == 'update' else ''}"
                f" and other.valid_from < coalesce(new.valid_to, '{_FAR}')"
                f" and new.valid_from < coalesce(other.valid_to, '{_FAR}'))"
                f" begin select raise(abort, '{table} overlap'); end"
            )
        return
    op.execute(
        f"create function {table}_no_overlap() returns trigger language plpgsql as $$ begin"
        f" perform 1 from {owner_table} where {owner} = new.{owner} for update;"
        f" if exists (select 1 from {table} other where other.{owner} = new.{owner}"
        f" and (tg_op = 'INSERT' or other.valid_from <> old.valid_from)"
        f" and other.valid_from < coalesce(new.valid_to, date '{_FAR}')"
        f" and new.valid_from < coalesce(other.valid_to, date '{_FAR}'))"
        f" then raise exception '{table} overlap' using errcode = 'exclusion_violation'; end if;"
        f" return new; end $$"
    )
    op.execute(
        f"create trigger {table}_no_overlap before insert or update on {table}"
        f" for each row execute function {table}_no_overlap()"
    )


def only_ends(table: str, columns: Sequence[str]) -> None:
    """Rows of ``table`` stay; of ``columns`` (all but ``valid_to``) none ever changes, ``valid_to`` is set once."""
    message = f"rows of {table} are only ended, once"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            f"create trigger {table}_fixed before update of {', '.join(columns)} on {table}"
            f" begin select raise(abort, '{message}'); end"
        )
        op.execute(
            f"create trigger {table}_ends_once before update on {table} when old.valid_to is not null"
            f" begin select raise(abort, '{message}'); end"
        )
        op.execute(
            f"create trigger {table}_no_delete before delete on {table} begin select raise(abort, '{message}'); end"
        )
        return
    op.execute(
        f"create function {table}_only_ends() returns trigger language plpgsql as $$ begin"
        f" if tg_op <> 'UPDATE' or old.valid_to is not null"
        f" or to_jsonb(new) - 'valid_to' <> to_jsonb(old) - 'valid_to'"
        f" then raise exception '{message}' using errcode = 'integrity_constraint_violation'; end if;"
        f" return new; end $$"
    )
    op.execute(
        f"create trigger {table}_only_ends before update or delete on {table}"
        f" for each row execute function {table}_only_ends()"
    )
    op.execute(
        f"create function {table}_no_truncate() returns trigger language plpgsql as"
        f" $$ begin raise exception '{message}'; end $$"
    )
    op.execute(
        f"create trigger {table}_no_truncate before truncate on {table}"
        f" for each statement execute function {table}_no_truncate()"
    )
