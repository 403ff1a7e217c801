"""Signed checkpoints of the audit log, kept in files outside the database.

A hash chain alone does not show that its tail was cut, or that all of it was written anew. A checkpoint says "row n
had this hash" under an Ed25519 signature; whoever can change the database but not these files is found out. Copy the
folder to another machine to be safe from those who can change both.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ops_app.domain.canonical import canonical_json

FORMAT = "recoup-checkpoint-1"
_NAME = re.compile(r"checkpoint-([0-9]{12})\.json")


@dataclass(frozen=True)
class Checkpoint:
    """Row ``seq`` of the audit log had ``row_hash`` when this was signed."""

    seq: int
    row_hash: str
    made_at: str
    previous: str | None


class BadCheckpoint(Exception):
    """A checkpoint that is not what was signed, or one that is missing; ``seq`` is the row it speaks of."""

    def __init__(self, seq: int, why: str) -> None:
        super().__init__(why)
        self.seq = seq


class CheckpointFolder:
    """``evidence/audit`` with the checkpoints and the public key, ``evidence/keys`` with the signing key."""

    def __init__(self, evidence: Path, public_key_file: Path | None = None) -> None:
        """``public_key_file``: a copy of the public key that was kept elsewhere, for whoever checks the house and would
        not believe the key that lies beside the checkpoints."""
        self.folder = evidence / "audit"
        self.public_key_file = public_key_file or self.folder / "public_key.pem"
        self._private_key_file = evidence / "keys" / "audit_ed25519.pem"

    def files(self) -> list[Path]:
        """The checkpoint files in order of the rows they speak of."""
        return sorted(path for path in self.folder.glob("checkpoint-*.json") if _NAME.fullmatch(path.name))

    def read(self) -> list[Checkpoint]:
        """All checkpoints, each with its signature checked and holding the one before it; raises ``BadCheckpoint``."""
        files = self.files()
        if not files:
            return []
        if not self.public_key_file.exists():
            raise BadCheckpoint(0, "the public key of the checkpoints is missing")
        try:
            key = serialization.load_pem_public_key(self.public_key_file.read_bytes())
        except ValueError as error:
            raise BadCheckpoint(0, "the public key of the checkpoints cannot be read") from error
        if not isinstance(key, Ed25519PublicKey):
            raise BadCheckpoint(0, "the public key of the checkpoints is of another kind")
        found: list[Checkpoint] = []
        previous: str | None = None
        for path in files:
            content = path.read_bytes()
            one = _verified(path, content, key)
            if one.previous != previous:
                raise BadCheckpoint(one.seq, f"a checkpoint before {path.name} is missing or was replaced")
            found.append(one)
            previous = hashlib.sha256(content).hexdigest()
        return found

    def write(self, seq: int, row_hash: str, made_at: datetime) -> Checkpoint:
        """Sign and keep a checkpoint; durable when this returns."""
        files = self.files()
        previous = hashlib.sha256(files[-1].read_bytes()).hexdigest() if files else None
        said = {"format": FORMAT, "seq": seq, "row_hash": row_hash, "made_at": made_at, "previous": previous}
        signature = self._signing_key().sign(canonical_json(said).encode())
        content = canonical_json({**said, "signature": signature.hex()}).encode() + b"\n"
        _write_durably(self.folder / f"checkpoint-{seq:012d}.json", content, mode=0o644)
        return Checkpoint(seq, row_hash, json.loads(content)["made_at"], previous)

    def _signing_key(self) -> Ed25519PrivateKey:
        if self._private_key_file.exists():
            key = serialization.load_pem_private_key(self._private_key_file.read_bytes(), password=None)
            if not isinstance(key, Ed25519PrivateKey):
                raise BadCheckpoint(0, "the signing key is of another kind")
            return key
        if self.public_key_file.exists():
            raise BadCheckpoint(0, "the signing key is gone while its public key is there: bring it back")
        made = Ed25519PrivateKey.generate()
        private = made.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        public = made.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self._private_key_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_durably(self._private_key_file, private, mode=0o600)
        _write_durably(self.public_key_file, public, mode=0o644)
        return made


def _verified(path: Path, content: bytes, key: Ed25519PublicKey) -> Checkpoint:
    named = _NAME.fullmatch(path.name)
    seq = int(named[1]) if named else 0
    try:
        said: Mapping[str, Any] = json.loads(content)
        signature = bytes.fromhex(said["signature"])
        signed = {name: value for name, value in said.items() if name != "signature"}
        key.verify(signature, canonical_json(signed).encode())
        one = Checkpoint(said["seq"], said["row_hash"], said["made_at"], said["previous"])
    except (ValueError, KeyError, TypeError, InvalidSignature) as error:
        raise BadCheckpoint(seq, f"{path.name} is not what was signed") from error
    if one.seq != seq or said["format"] != FORMAT:
        raise BadCheckpoint(seq, f"{path.name} speaks of row {one.seq}")
    return one


def _write_durably(path: Path, content: bytes, *, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(path.suffix + ".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
