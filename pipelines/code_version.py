"""Which code made a result: the release and a fingerprint of the SQL that builds the marts."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ops_app.config import PROJECT_ROOT

_PARTS = ("dbt_project.yml", "profiles.yml", "models/**/*.*", "macros/**/*.sql", "tests/**/*.sql", "seeds/*.*")


def project_fingerprint(folder: Path) -> str:
    """Twelve hex digits over every file of the dbt project in ``folder``; another file, name or byte changes them."""
    digest = hashlib.sha256()
    for path in sorted({path for pattern in _PARTS for path in folder.glob(pattern)}):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:12]


@cache
def code_version() -> str:
    """The release and the fingerprint, as a snapshot records them."""
    try:
        release = version("recoup")
    except PackageNotFoundError:
        release = "checkout"
    return f"{release}+{project_fingerprint(PROJECT_ROOT / 'dbt')}"
