"""Photos of an agency's people (feature 10): entered by the asset company or the agency itself, seen by both. Their
bytes are kept by ``gateways/person_photos``."""

from __future__ import annotations

import io
import warnings
from datetime import datetime

from PIL import Image

from ops_app.domain.casework.attachments import media_of
from ops_app.domain.errors import Invalid, NotFound
from ops_app.domain.organisation.people import Actor
from ops_app.services.act import act
from ops_app.services.organisation.agency_staff import agency_of
from ops_app.services.organisation.people import checked_why
from ops_app.store.organisation import agency_photos, people
from ops_app.store.organisation.agency_photos import Photo
from ops_app.store.store import Store, Transaction

__all__ = ["Photo", "list_own_photos", "list_photos", "remove_photo", "set_own_photo", "set_photo"]

PICTURES = {"image/png": "png", "image/jpeg": "jpg"}
"""What a photo may be → its ending."""

LARGEST_PHOTO = 2 * 2**20

MOST_PIXELS = 40_000_000
"""A small file may hold a picture that takes gigabytes to draw; a portrait needs far less than this."""


def checked_photo(data: bytes, name: str) -> str:
    """The kind of a picture, told by its content and decoded whole; raises ``Invalid`` for anything else, for one that
    is damaged, and for one that is too large in bytes or pixels."""
    media_type = media_of(data, name)
    if media_type not in PICTURES or len(data) > LARGEST_PHOTO:
        raise Invalid(
            f"A photo is a PNG or JPEG of at most {LARGEST_PHOTO // 2**20} MB.",
            f"照片须为 PNG 或 JPEG，最大 {LARGEST_PHOTO // 2**20} MB。",
            field="file",
        )
    _decode(data, media_type.rpartition("/")[2].upper())
    return media_type


def _decode(data: bytes, format_name: str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the bound below is the one that counts
            with Image.open(io.BytesIO(data), formats=[format_name]) as picture:
                is_small = picture.width * picture.height <= MOST_PIXELS
                if is_small:
                    picture.load()
    except Image.DecompressionBombError:
        is_small = False
    except Exception as error:  # what a decoder raises on damaged bytes is no closed list; whatever it is, no photo
        raise Invalid(
            "This picture is damaged or no picture at all.", "图片已损坏或不是图片文件。", field="file"
        ) from error
    if not is_small:
        raise Invalid(
            f"A photo has at most {MOST_PIXELS // 1_000_000} million pixels.",
            f"照片最多 {MOST_PIXELS // 10_000} 万像素。",
            field="file",
        )


@act("agencies.view")
def list_photos(actor: Actor, store: Store, *, now: datetime, agency_code: str) -> dict[str, Photo]:
    """Person → photo, of the people of an agency."""
    with store.reading() as connection:
        return agency_photos.of_agency(connection, agency_code)


@act("people.manage_own_agency")
def list_own_photos(actor: Actor, store: Store, *, now: datetime) -> dict[str, Photo]:
    """Person → photo, of the people of the actor's own agency."""
    with store.reading() as connection:
        return agency_photos.of_agency(connection, agency_of(actor))


@act("agencies.manage")
def set_photo(
    actor: Actor, store: Store, *, now: datetime, agency_code: str, person_id: str, name: str, data: bytes, sha256: str
) -> Photo:
    """Enter the photo of one of an agency's people, whose bytes lie in the evidence folder already. Raises ``Invalid``,
    ``NotFound`` for anybody else's people."""
    return _set(actor, store, now, agency_code, person_id, name, data, sha256)


@act("people.manage_own_agency")
def set_own_photo(
    actor: Actor, store: Store, *, now: datetime, person_id: str, name: str, data: bytes, sha256: str
) -> Photo:
    """Enter the photo of one of the people of the actor's own agency; raises as ``set_photo``."""
    return _set(actor, store, now, agency_of(actor), person_id, name, data, sha256)


@act("agencies.manage")
def remove_photo(actor: Actor, store: Store, *, now: datetime, agency_code: str, person_id: str, reason: str) -> None:
    """Show a photo no longer; its bytes stay as evidence. Raises ``NotFound``."""
    why = checked_why(reason)
    with store.writing(actor, now) as transaction:
        known = agency_photos.of_agency(transaction.connection, agency_code).get(person_id)
        if known is None or not agency_photos.remove(transaction.connection, person_id):
            raise NotFound("There is no such photo.", "没有该照片。", field="person_id")
        transaction.audit("agency.photo_removed", "agency", agency_code, before=known.facts(), reason=why)


def _set(
    actor: Actor, store: Store, now: datetime, agency_code: str, person_id: str, name: str, data: bytes, sha256: str
) -> Photo:
    media_type = checked_photo(data, name)
    with store.writing(actor, now) as transaction:
        _check_person(transaction, agency_code, person_id)
        made = Photo(person_id, agency_code, media_type, sha256, actor.name, now)
        agency_photos.put(transaction.connection, made)
        transaction.audit("agency.photo_added", "agency", agency_code, after=made.facts())
    return made


def _check_person(transaction: Transaction, agency_code: str, person_id: str) -> None:
    person = people.by_id(transaction.connection, person_id)
    if person is None or person.agency_code != agency_code:
        raise NotFound("There is no such person in this agency.", "该机构没有此人。", field="person_id")
