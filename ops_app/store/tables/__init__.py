"""The tables of the ops store on one ``metadata``; one module per area.

A table whose changes need no audit row says why in ``info={"unaudited": "..."}``; everything else may only be changed
by a transaction that audits.
"""

from __future__ import annotations

import importlib
import pkgutil

from ops_app.store.tables.base import metadata

for _module in pkgutil.iter_modules(__path__):
    # every area's tables belong to the metadata as soon as any of them is asked for
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["metadata"]
