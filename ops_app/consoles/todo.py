"""To-dos: what waits for this person by due time, each with a link to where it is done; results they were told of."""

from __future__ import annotations

from ops_app.consoles.kit import notices, todos
from ops_app.consoles.kit.context import here
from ops_app.consoles.kit.page import heading

current = here()
heading(current, "todo")
todos.show(current)
notices.show(current)
