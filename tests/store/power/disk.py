"""A disk that remembers every write and sync of SQLite, and what it may hold if the power went after any of them.

What was synced is there. Of what was written to a file since its last sync each write is kept, lost, or torn at 512
bytes, each by itself: so later ones may be there without earlier ones. Acknowledgements stand in the same record, so
that it says what was acknowledged before each cut.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

SECTOR = 512
_KEPT = apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL


@dataclass(frozen=True)
class Done:
    """One thing that was done: ``write``, ``truncate``, ``sync``, ``delete``, ``delete_at_once`` to a file, or
    ``acknowledged`` to whoever asked."""

    what: str
    name: str
    at: int = 0
    raw: bytes = b""


class Disk(apsw.VFS):  # type: ignore[misc]  # the classes of apsw are untyped
    """The files of this process, recorded."""

    def __init__(self, name: str, *there: Path) -> None:
        super().__init__(name, "")
        self.name = name
        self.done: list[Done] = []
        self.there = {str(file): file.read_bytes() for file in there}

    def acknowledge(self, what: str) -> None:
        """Somebody was told that ``what`` is kept."""
        self.done.append(Done("acknowledged", what))

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        kept = bool(flags[0] & _KEPT) and name is not None
        return _File(name, flags, self.done if kept else [])

    def xDelete(self, name: str, syncdir: bool) -> None:
        super().xDelete(name, syncdir)
        self.done.append(Done("delete_at_once" if syncdir else "delete", name))

    def cuts(self, places: Sequence[int]) -> Iterator[Cut]:
        """What the disk may hold where the power goes after the n-th thing that was done, for each such n."""
        files = {name: _Kept(bytearray(raw)) for name, raw in self.there.items()}
        acknowledged: list[str] = []
        at = 0
        for place in sorted(places):
            for one in self.done[at:place]:
                if one.what == "acknowledged":
                    acknowledged.append(one.name)
                else:
                    files.setdefault(one.name, _Kept(None)).happens(one)
            at = place
            chance = random.Random(place)
            held = {name: file.after_a_cut(chance) for name, file in files.items()}
            yield Cut(place, frozenset(acknowledged), {name: raw for name, raw in held.items() if raw is not None})


@dataclass(frozen=True)
class Cut:
    """What was acknowledged before the power went, and what the disk holds afterwards."""

    place: int
    acknowledged: frozenset[str]
    files: dict[str, bytes]

    def lay_out(self, folder: Path) -> None:
        """Write the files into an empty folder, by their own names."""
        folder.mkdir()
        for name, raw in self.files.items():
            (folder / Path(name).name).write_bytes(raw)


class _File(apsw.VFSFile):  # type: ignore[misc]
    def __init__(self, name: Any, flags: list[int], done: list[Done]) -> None:
        super().__init__("", name, flags)
        self._name = name if isinstance(name, str) else "" if name is None else name.filename()
        self._done = done

    def xWrite(self, data: bytes, offset: int) -> None:
        super().xWrite(data, offset)
        self._done.append(Done("write", self._name, offset, bytes(data)))

    def xTruncate(self, size: int) -> None:
        super().xTruncate(size)
        self._done.append(Done("truncate", self._name, size))

    def xSync(self, flags: int) -> None:
        self._done.append(Done("sync", self._name))


@dataclass
class _Kept:
    """A file on the disk: what is certain of it, and what was done since."""

    certain: bytearray | None
    since: list[Done] = field(default_factory=list)

    def happens(self, one: Done) -> None:
        if one.what == "delete_at_once":
            self.certain, self.since = None, []
        elif one.what == "sync":
            for before in self.since:
                self.certain = _applied(self.certain, before)
            self.since = []
        else:
            if any(before.what == "delete" for before in self.since):  # what is written now is another file
                self.certain, self.since = None, []
            self.since.append(one)

    def after_a_cut(self, chance: random.Random) -> bytes | None:
        found = None if self.certain is None else bytearray(self.certain)
        for one in self.since:
            fate = chance.choice(("kept", "lost", "torn"))
            if fate == "torn" and one.what == "write":
                for begin in range(0, len(one.raw), SECTOR):
                    if chance.random() < 0.5:
                        found = _applied(found, Done("write", "", one.at + begin, one.raw[begin : begin + SECTOR]))
            elif fate != "lost":
                found = _applied(found, one)
        return None if found is None else bytes(found)


def _applied(found: bytearray | None, one: Done) -> bytearray | None:
    if one.what == "delete":
        return None
    made = bytearray() if found is None else found
    if one.what == "truncate":
        del made[one.at :]
        return made
    if len(made) < one.at:
        made.extend(bytes(one.at - len(made)))
    made[one.at : one.at + len(one.raw)] = one.raw
    return made
