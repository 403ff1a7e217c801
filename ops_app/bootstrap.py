"""The composition root: the only place where choices are wired."""

from __future__ import annotations

from dataclasses import dataclass

from ops_app.config import Settings
from ops_app.gateways.clock import Clock, SystemClock
from ops_app.services.organisation import installation
from ops_app.services.organisation.approval_kinds import check_lenders
from ops_app.store.store import Store


@dataclass(frozen=True)
class App:
    """What every door is given: settings, the ops store and a clock."""

    settings: Settings
    store: Store
    clock: Clock

    def close(self) -> None:
        """Give back the store's connections."""
        self.store.close()


def open_app(settings: Settings | None = None, *, clock: Clock | None = None) -> App:
    """Open an installation; an empty home gets its folders and its tables.

    Raises what the store raises when it cannot be opened safely (an SQLite with the WAL-reset bug falls back to a
    rollback journal and says so in ``recoup doctor``).
    """
    chosen = settings or Settings.load()
    chosen.make_folders()
    installation.settle(chosen.lender_dirs, chosen.zone)
    store = Store.open(chosen.ops_database_url)
    store.migrate()
    check_lenders()  # every service that registers a kind is imported before anything is decided
    return App(settings=chosen, store=store, clock=clock or SystemClock())
