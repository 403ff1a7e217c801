"""``python -m ops_app.cli``: the same command, for a child process that must not depend on what is on PATH."""

from __future__ import annotations

from ops_app.cli import main

if __name__ == "__main__":
    main()
