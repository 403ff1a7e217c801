"""What a dashboard knows about the person who looks. The shell of the consoles makes one and hands it to a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

FileFormat = Literal["csv", "xlsx"]
FORMATS: Mapping[FileFormat, str] = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class Viewer(Protocol):
    """A person who looks, and what the house lets them do. ``language`` is ``en`` or ``zh``.

    ``audience_dir`` is the folder of the snapshots that this person may see: the scope is the folder, so no filter of
    a page can widen it. ``timezone`` names the zone of the house, in which moments are written.
    """

    @property
    def name(self) -> str: ...
    @property
    def language(self) -> str: ...
    @property
    def timezone(self) -> str: ...
    @property
    def audience_dir(self) -> Path: ...

    @property
    def refusals(self) -> tuple[type[Exception], ...]:
        """What ``export`` raises to refuse; each has ``sentence(language)``. Whatever else it raises is a fault."""

    def may_export(self) -> bool:
        """Whether the export is offered at all."""

    def export(
        self,
        what: str,
        headers: Sequence[str],
        rows: Sequence[Sequence[Any]],
        *,
        filters: Mapping[str, str],
        file_format: FileFormat,
    ) -> bytes:
        """Audit the export, then make the file. ``filters`` says which rows these are, why, and as of when.

        Raises the house's refusal (it has ``sentence(language)``) for those who may not.
        """


@runtime_checkable
class LogsQueries(Protocol):
    """A house that wants to know when somebody opens the rows behind a figure."""

    def log_query(self, page: str, figure: str, filters: Mapping[str, str], rows: int) -> None: ...


@runtime_checkable
class Annotates(Protocol):
    """A house that keeps notes on figures; elsewhere no such control is shown."""

    def annotate(self, page: str, figure: str, filters: Mapping[str, str], text: str) -> None: ...


@runtime_checkable
class SavesViews(Protocol):
    """A house that keeps the filters of a page under a name; elsewhere no such control is shown."""

    def save_view(self, name: str, page: str, filters: Mapping[str, str]) -> None: ...
