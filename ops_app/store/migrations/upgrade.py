"""Runs the migrations on a given connection; needs no file outside the package."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, inspect, text
from sqlalchemy.engine import Connection

_FOLDER = Path(__file__).parent
_LOCK = 0x5EC0_0A0E


def head() -> str:
    """The number of the newest migration."""
    return max(path.stem[:4] for path in (_FOLDER / "versions").glob("[0-9][0-9][0-9][0-9]_*.py"))


def needed(engine: Engine) -> bool:
    """Whether the store is behind the newest migration; raises if it is ahead of this program."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return True
        present = connection.execute(text("select version_num from alembic_version")).scalar()
    if present is not None and present > head():
        raise RuntimeError(f"the store is at migration {present}, this program only knows {head()}: use a newer Recoup")
    return present != head()


def run(connection: Connection) -> None:
    """Upgrade to the newest migration within the caller's transaction."""
    from alembic import command  # only a store that is behind pays for the import
    from alembic.config import Config

    if connection.dialect.name == "postgresql":
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
