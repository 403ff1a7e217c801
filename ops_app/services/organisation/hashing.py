"""Password hashes: Argon2id, at most two at a time in a process, and the same work for names that do not exist."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ops_app.domain.errors import NotReady

_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_AT_ONCE = threading.BoundedSemaphore(2)
_PATIENCE_SECONDS = 20.0
_WORDS = "abcdefghjkmnpqrstuvwxyz23456789"


class TooManyAtOnce(NotReady):
    """Passwords of others are being checked; trying again is right."""

    def __init__(self) -> None:
        super().__init__("Many people are signing in just now. Please try again.", "当前登录人数较多，请稍后重试。")


@contextmanager
def _turn() -> Iterator[None]:
    if not _AT_ONCE.acquire(timeout=_PATIENCE_SECONDS):
        raise TooManyAtOnce
    try:
        yield
    finally:
        _AT_ONCE.release()


def hash_password(password: str) -> str:
    """The Argon2id hash of ``password``; never call it while a transaction is open (it takes a tenth of a second)."""
    with _turn():
        return _HASHER.hash(password)


def verify_password(stored: str | None, password: str) -> bool:
    """Whether ``password`` belongs to ``stored``; takes as long when there is nothing stored."""
    against = stored or hash_of_nobody()
    with _turn():
        try:
            return _HASHER.verify(against, password) and stored is not None
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            return False


def needs_rehash(stored: str) -> bool:
    """Whether ``stored`` was made with other settings than today's."""
    return _HASHER.check_needs_rehash(stored)


def temporary_password() -> str:
    """Sixteen characters in four groups, easy to read out: 79 bits."""
    return "-".join("".join(secrets.choice(_WORDS) for _ in range(4)) for _ in range(4))


@cache
def hash_of_nobody() -> str:
    """The hash of a password that nobody knows."""
    return hash_password(secrets.token_urlsafe(32))
