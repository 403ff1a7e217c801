"""Which templates there are and which feeds each reads, for a form to choose from; reading files is the pipeline's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from ops_app.config import Settings, yaml_of
from ops_app.domain.errors import NotFound


@dataclass(frozen=True)
class TemplateEntry:
    """One entry of a template: its label, the standard feed it fills, and the file names it is made for."""

    label: str
    feed: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class LenderTemplate:
    """One template with the lender's name in both languages."""

    name: str
    source_code: str
    en: str
    zh: str
    for_agencies: bool
    entries: tuple[TemplateEntry, ...]

    def entry(self, label: str) -> TemplateEntry:
        """The entry called ``label``; raises ``NotFound``."""
        for one in self.entries:
            if one.label == label:
                return one
        raise NotFound("The template has no such feed.", "模板中没有该数据源。")


def lender_templates(settings: Settings) -> dict[str, LenderTemplate]:
    """Every template by name; the first folder that has a name wins, as for the readers. One that is no template is
    left out here and refused where it is used."""
    found: dict[str, LenderTemplate] = {}
    for folder in settings.template_dirs:
        for path in sorted(folder.glob("*.yml")) if folder.is_dir() else []:
            if path.stem not in found and (one := _template(path.stem, path.read_text(encoding="utf-8"))):
                found[path.stem] = one
    return found


def templates_for(settings: Settings, agency_code: str | None) -> dict[str, LenderTemplate]:
    """What somebody of this agency (None: of the asset company) brings files through."""
    found = lender_templates(settings)
    return {name: one for name, one in found.items() if one.for_agencies == (agency_code is not None)}


def template_of(settings: Settings, name: str, agency_code: str | None) -> LenderTemplate:
    """The template of a name for somebody of this agency; raises ``NotFound``."""
    found = templates_for(settings, agency_code).get(name)
    if found is None:
        raise NotFound("There is no such template.", "没有该模板。")
    return found


def _template(name: str, text: str) -> LenderTemplate | None:
    try:
        said: Any = yaml_of(text)
        entries = tuple(
            TemplateEntry(
                str(one.get("name") or one["feed"]), str(one["feed"]), tuple(one.get("files") or [f"{one['feed']}_*"])
            )
            for one in said["feeds"]
        )
        if said["template"] != name or not entries:
            return None
        return LenderTemplate(
            name,
            str(said["source_code"]),
            said["lender"]["en"],
            said["lender"]["zh"],
            said.get("for_agencies") is True,
            entries,
        )
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        return None
