"""Page."""

from __future__ import annotations

from ops_app.consoles.kit.context import here
from ops_app.consoles.kit.page import heading

at = here()
heading(at, "operations")
