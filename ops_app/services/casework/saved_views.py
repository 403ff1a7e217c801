"""Views of lists that a person keeps under a name, and shares with the own house if they may.

A view holds filters, never rows: what it shows is looked up in the reach of whoever uses it. Its values are checked
by the list when it is used, so that one which no longer exists is refused in words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

from ops_app.domain.casework.scope import scope_of
from ops_app.domain.casework.views import MOST_OF_A_PERSON, NoSuchView, ViewChanged, checked_name
from ops_app.domain.errors import Invalid
from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.permissions import require
from ops_app.services.act import act
from ops_app.store.casework import views
from ops_app.store.casework.case_scope import house_of
from ops_app.store.casework.views import SavedView
from ops_app.store.store import Store

__all__ = ["SHARE", "SavedView", "list_views", "remove_view", "save_view"]

SHARE = "views.share"
_OBJECT = "saved_view"
_MOST_FILTERS = 30
_LONGEST_VALUE = 200


@act("cases.view")
def list_views(actor: Actor, store: Store, *, now: datetime, page: str) -> list[SavedView]:
    """The actor's own views of a page, then those that others of the house share."""
    with store.reading() as connection:
        return views.offered(connection, actor.person_id, house_of(scope_of(actor)), page)


@act("cases.view")
def save_view(
    actor: Actor, store: Store, *, now: datetime, page: str, name: str, filters: Mapping[str, str], shared: bool = False
) -> SavedView:
    """Keep the filters of a page under a name; a name used before is that view, changed.

    Raises ``Invalid`` (no name, too many), ``Refused`` (who may share), ``ViewChanged``.
    """
    if shared:
        require(actor, SHARE)
    called, kept = checked_name(name), _checked(filters)
    with store.writing(actor, now) as transaction:
        connection = transaction.connection
        known, house = views.named(connection, actor.person_id, page, called), house_of(scope_of(actor))
        if known is None:
            if views.how_many(connection, actor.person_id) >= MOST_OF_A_PERSON:
                raise Invalid(
                    f"You keep {MOST_OF_A_PERSON} views already. Remove one first.",
                    f"您已保存 {MOST_OF_A_PERSON} 个视图，请先删除一个。",
                    field="name",
                )
            one = SavedView(uuid4().hex, actor.person_id, actor.name, house, page, called, kept, shared, now, 1)
            views.add(connection, one)
        else:
            one = replace(known, house=house, filters=kept, shared=shared, saved_at=now, version=known.version + 1)
            if not views.change(connection, one):
                raise ViewChanged
        transaction.audit(
            "view.saved", _OBJECT, one.view_id, before=None if known is None else _facts(known), after=_facts(one)
        )
    return one


@act("cases.view")
def remove_view(actor: Actor, store: Store, *, now: datetime, view_id: str, version: int) -> None:
    """Remove the actor's own view; raises ``NoSuchView`` alike for a missing and somebody else's, ``ViewChanged``."""
    with store.writing(actor, now) as transaction:
        one = views.of_owner(transaction.connection, view_id, actor.person_id)
        if one is None:
            raise NoSuchView
        if not views.end(transaction.connection, view_id, version, now):
            raise ViewChanged
        transaction.audit("view.removed", _OBJECT, view_id, before=_facts(one))


def _checked(filters: Mapping[str, str]) -> dict[str, str]:
    kept = {str(name): str(value) for name, value in filters.items() if value not in ("", None)}
    if len(kept) > _MOST_FILTERS or any(len(text) > _LONGEST_VALUE for pair in kept.items() for text in pair):
        raise Invalid("These filters are too long to keep.", "筛选条件过长，无法保存。", field="name")
    return kept


def _facts(one: SavedView) -> dict[str, object]:
    return {"page": one.page, "name": one.name, "filters": dict(one.filters), "shared": one.shared}
