"""The script that Streamlit runs for every page: all it does is open the shell."""

from __future__ import annotations

from ops_app.consoles.kit import shell

shell.run()
