"""The key of personal data: it seals what is known of a debtor, and makes the keyed hashes by which one is found.

Kept in a file of the home, beside the key that signs checkpoints and outside the database: whoever has only the
database reads no name and tries no phone number. Losing it loses what was sealed; back it up apart from the database.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ops_app.domain.canonical import canonical_json
from ops_app.domain.casework.personal import Personal, Term
from ops_app.domain.errors import NotReady

_HALF = 32
_NONCE = 12


class NoKey(NotReady):
    """The key of personal data is not there, or is not the one that sealed the data."""

    def __init__(self) -> None:
        super().__init__(
            "The key of personal data is missing from this installation. Ask the operator to bring it back.",
            "本系统缺少个人信息密钥，请联系运维恢复。",
        )


class PersonalKey:
    """Seals, opens and hashes. ``key_id`` names the key without telling it."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != 2 * _HALF:
            raise NoKey
        self._sealing, self._hashing = AESGCM(secret[:_HALF]), secret[_HALF:]
        self.key_id = hashlib.sha256(b"recoup personal key" + secret).hexdigest()[:16]

    @classmethod
    def load(cls, evidence: Path) -> PersonalKey:
        """The key of the home; raises ``NoKey`` where there is none."""
        try:
            return cls(_file(evidence).read_bytes())
        except FileNotFoundError as error:
            raise NoKey from error

    @classmethod
    def load_or_make(cls, evidence: Path, *, sealed_with: str | None) -> PersonalKey:
        """The key of the home, made at the first use. ``sealed_with`` is the id of the key that sealed what is there:
        raises ``NoKey`` rather than begin a second one."""
        file = _file(evidence)
        if sealed_with is None and not file.exists():
            _write_once(file, os.urandom(2 * _HALF))
        key = cls.load(evidence)
        if sealed_with not in (None, key.key_id):
            raise NoKey
        return key

    def seal(self, debtor_key: str, one: Personal) -> str:
        """What is known of a debtor, as text that only this key opens, and only for this debtor."""
        return self.seal_text(debtor_key, canonical_json({**vars(one), "phones": list(one.phones)}))

    def seal_text(self, about: str, text: str) -> str:
        """A text that only this key opens, and only for what it is about."""
        nonce = os.urandom(_NONCE)
        return base64.b64encode(nonce + self._sealing.encrypt(nonce, text.encode(), about.encode())).decode()

    def open(self, debtor_key: str, sealed: str) -> Personal:
        """What ``seal`` was given; raises ``NoKey`` if the text was sealed by another key or for another debtor."""
        said = json.loads(self.open_text(debtor_key, sealed))
        return Personal(**{**said, "phones": tuple(said["phones"])})

    def open_text(self, about: str, sealed: str) -> str:
        """What ``seal_text`` was given; raises ``NoKey`` as ``open`` does."""
        raw = base64.b64decode(sealed)
        try:
            return self._sealing.decrypt(raw[:_NONCE], raw[_NONCE:], about.encode()).decode()
        except InvalidTag as error:
            raise NoKey from error

    def digest(self, text: str) -> str:
        """A keyed hash by which two texts are known to be one, and that nobody without the key can try."""
        return hmac.new(self._hashing, b"text\x1f" + text.encode(), hashlib.sha256).hexdigest()

    def blind(self, term: Term, folded: str) -> str:
        """The keyed hash of a folded term: equal terms are equal, and nobody without the key can try terms."""
        return hmac.new(self._hashing, f"{term.value}\x1f{folded}".encode(), hashlib.sha256).hexdigest()


def _file(evidence: Path) -> Path:
    return evidence / "keys" / "personal_data.key"


def _write_once(file: Path, content: bytes) -> None:
    """Written whole under another name, then given its own if nobody was faster."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = file.with_name(f"{file.name}.{os.getpid()}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
    try:
        os.link(beside, file)
    except FileExistsError:
        pass
    finally:
        beside.unlink()
