"""What lies in the inbound folders: whose files they are, of which date, and which are still to be read."""

from __future__ import annotations

import fnmatch
import re
from datetime import date, datetime
from pathlib import Path

from ops_app.config import Settings
from ops_app.domain.errors import Invalid, NotFound
from pipelines.fingerprints import shown
from pipelines.readers.templates import FeedMap, FileDate, Template, load_template
from pipelines.warehouse import Connection, rows

_UNFINISHED = (".part", ".tmp", ".filepart", ".crdownload", ".control.json")
_COMPRESSED = (".gz", ".zst")


def waiting_files(
    connection: Connection, settings: Settings, business_date: date
) -> list[tuple[date, Template, Path, list[FeedMap]]]:
    """Files not yet delivered, by (date, name)."""
    seen = set(rows(connection, "select template, path, size, modified_ns from raw.deliveries"))
    found = []
    for folder in sorted(settings.inbound.iterdir()) if settings.inbound.is_dir() else []:
        template = _template_of(folder, settings)
        if template is None:
            continue
        for path in sorted(folder.iterdir()):
            if not path.is_file() or path.is_symlink() or path.name.startswith(".") or path.name.endswith(_UNFINISHED):
                continue
            stat = path.stat()
            if (template.template, path.name, stat.st_size, stat.st_mtime_ns) in seen:
                continue
            entries = entries_for(template, path.name)
            days = {date_of_file(path.name, entry.file_date) for entry in entries}
            day = next((day for day in days if day is not None), None)
            if day is not None and day <= business_date:
                found.append((day, template, path, entries))
    return sorted(found, key=lambda item: (item[0], item[2].name))


def _template_of(folder: Path, settings: Settings) -> Template | None:
    """The template a folder of the inbound is named after; None for a file, or for one of no lender."""
    if not folder.is_dir():
        return None
    try:
        template = load_template(folder.name, settings.template_dirs)
    except NotFound:
        return None
    return None if template.for_agencies else template  # nobody could tell which agency a file is of


def entries_for(template: Template, file_name: str) -> list[FeedMap]:
    """Entries whose patterns fit the name (without .gz/.zst)."""
    plain = file_name
    for suffix in _COMPRESSED:
        plain = plain.removesuffix(suffix)
    return [entry for entry in template.feeds if any(fnmatch.fnmatchcase(plain, pattern) for pattern in entry.patterns)]


def unwanted_files(settings: Settings) -> list[Path]:
    """Files in the inbound folders that no entry wants or whose names hold no date: an operator must look."""
    unwanted = []
    for folder in sorted(settings.inbound.iterdir()) if settings.inbound.is_dir() else []:
        template = _template_of(folder, settings)
        if template is None:
            unwanted.append(folder)
            continue
        for path in sorted(folder.iterdir()):
            if path.name.startswith(".") or path.name.endswith(_UNFINISHED):
                continue
            dated = [date_of_file(path.name, entry.file_date) for entry in entries_for(template, path.name)]
            if not any(dated):
                unwanted.append(path)
    return unwanted


def date_of_file(file_name: str, how: FileDate) -> date | None:
    """The date a file name holds, or the template's constant one."""
    if how.constant is not None:
        return date.fromisoformat(how.constant)
    found = re.search(how.pattern, file_name)
    if not found:
        return None
    try:
        return datetime.strptime(found[1], how.format).date()  # noqa: DTZ007 - a date has no zone
    except ValueError:
        return None


def only_entry(template: Template, path: Path) -> FeedMap:
    entries = entries_for(template, path.name)
    if len(entries) == 1:
        return entries[0]
    which = ", ".join(entry.label for entry in entries or template.feeds)
    raise Invalid(
        f"{shown(path.name)} fits {len(entries)} feeds of template {template.template}; name one of: {which}.",
        f"{shown(path.name)} 对应模板 {template.template} 的 {len(entries)} 个数据源；请指定其一：{which}。",
        field="feed",
    )
