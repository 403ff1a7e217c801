"""The bytes of photos of an agency's people: in the evidence folder under their hash, as other files that people
bring."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from pathlib import Path

from ops_app.domain.organisation.people import Actor
from ops_app.domain.organisation.permissions import require
from ops_app.gateways.attachment_files import keep_bytes, kept_bytes
from ops_app.services.organisation import agency_photos
from ops_app.services.organisation.agency_photos import Photo
from ops_app.store.store import Store


def bring_photo(
    actor: Actor,
    store: Store,
    evidence: Path,
    *,
    now: datetime,
    agency_code: str,
    person_id: str,
    name: str,
    data: bytes,
) -> Photo:
    """Keep the photo of one of an agency's people; somebody of an agency brings those of their own. Raises as
    ``set_photo``. The bytes lie on the disk before the store says so."""
    own = actor.agency_code is not None
    require(actor, "people.manage_own_agency" if own else "agencies.manage")
    agency_photos.checked_photo(data, name)
    digest = sha256(data).hexdigest()
    keep_bytes(evidence, digest, data)
    if own:
        return agency_photos.set_own_photo(
            actor, store, now=now, person_id=person_id, name=name, data=data, sha256=digest
        )
    return agency_photos.set_photo(
        actor, store, now=now, agency_code=agency_code, person_id=person_id, name=name, data=data, sha256=digest
    )


def photo_of(
    actor: Actor, store: Store, evidence: Path, *, now: datetime, agency_code: str, person_id: str
) -> tuple[Photo, bytes] | None:
    """The photo of one of an agency's people, where there is one; somebody of an agency sees those of their own."""
    if actor.agency_code is not None:
        found = agency_photos.list_own_photos(actor, store, now=now)
    else:
        found = agency_photos.list_photos(actor, store, now=now, agency_code=agency_code)
    one = found.get(person_id)
    return None if one is None else (one, kept_bytes(evidence, one.sha256))
