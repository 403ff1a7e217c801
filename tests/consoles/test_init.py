"""An empty installation is made by one command."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops_app.cli import cli


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RECOUP_HOME", str(tmp_path))
    for name in ("RECOUP_OPS_URL", "RECOUP_DEMO"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_an_installation_begins_with_an_administrator_and_a_folder_for_the_lender(home: Path) -> None:
    made = CliRunner().invoke(cli, ["init", "--name", "root", "--display-name", "Root"])
    assert made.exit_code == 0, made.output
    assert "Administrator root may sign in with:" in made.output
    assert (home / "inbound" / "standard").is_dir()


def test_a_template_that_there_is_not_is_refused_before_anything_is_made(home: Path) -> None:
    made = CliRunner().invoke(cli, ["init", "--name", "root", "--display-name", "Root", "--template", "nowhere"])
    assert made.exit_code != 0
    assert not (home / "inbound").exists()
