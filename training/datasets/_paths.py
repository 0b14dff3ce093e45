r"""Images by the paths that a label file names, which may have been written on another machine.

The underscore marks what readers share. A path is looked for as it is written; then with slashes for the backslashes of
Windows, with the characters that a URL encodes, by the longest end of it that is there (``C:\data\faces\a.png``,
``/home/other/faces/a.png``), and in another case of letters. Notes say which of
these ways were needed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote

from training import image_files, messages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BACKSLASHES, ENCODED, ENDS, CASE = (
    "paths are written with backslashes",
    "paths are encoded as in a URL",
    "paths are of another machine: the images were found by the ends of their paths",
    "paths have another case of letters than the files",
)


@dataclass
class Resolved:
    """The image of each row.

    path : the file, or where it was looked for first.  name : the path below the folders, with slashes: the same for
    every way to write it.  ways : how paths had to be read → how many.
    """

    path: list[Path] = field(default_factory=list)
    name: list[str] = field(default_factory=list)
    ways: dict[str, int] = field(default_factory=dict)

    def add(self, path: Path, name: str, ways: Sequence[str]) -> None:
        """Add what `Folders.find` returns of one text."""
        self.path.append(path)
        self.name.append(name)
        for way in ways:
            self.ways[way] = self.ways.get(way, 0) + 1

    def notes(self) -> list[str]:
        """Return sentences on paths that are not what the files are called here."""
        return [f"{count:,} of {len(self.path):,} {way}" for way, count in self.ways.items()]


def resolve(texts: Sequence[str], folders: Sequence[Path]) -> Resolved:
    """Return the file of each path text, looked for below `folders` in turn."""
    here = Folders(folders)
    resolved = Resolved()
    for text in texts:
        resolved.add(*here.find(text))
    return resolved


def nearest(path: Path) -> str:
    """Return the end of a sentence that names what is most like a file that is not there; "" where nothing is."""
    try:
        names = [other.name for other in path.parent.iterdir() if not image_files.is_system(other)]
    except (OSError, ValueError):
        return ""
    return messages.nearest(path.name, names, cutoff=0.6)


class Folders:
    """The files below some folders. Each folder is listed once: a stat for each image of a large set takes longer."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = [folder for folder in folders if folder.is_dir()] or [*folders[:1]]
        self._names: dict[str, set[str]] = {}
        self._lower: dict[str, dict[str, str]] = {}

    def find(self, text: str) -> tuple[Path, str, list[str]]:
        """Return file, name below its folder, and how the text had to be read."""
        for spelling, ways in _spellings(text):
            if os.path.isabs(spelling):
                if self._is_there(spelling):
                    return Path(spelling), self._below(Path(spelling)), ways
                continue
            for folder in self.folders:
                if self._is_there(os.path.join(folder, spelling)):
                    return folder / spelling, PurePosixPath(spelling).as_posix(), ways
        for spelling, ways in _spellings(text):
            for folder in self.folders:
                for name in self._ends(folder, spelling):
                    if (found := self._in_any_case(folder, name)) is not None:
                        further = [*([ENDS] if name != spelling else []), *([CASE] if found != name else [])]
                        path = folder / found
                        return path, self._below(path) if ENDS in further else found, [*ways, *further]
        return self._missing(spelling), text, []

    def _missing(self, text: str) -> Path:
        """Return where a file that is not there was to be expected: in the first folder of its path that is there."""
        for folder in self.folders:
            for name in self._ends(folder, text):
                if self._listing(str((folder / name).parent)):
                    return folder / name
        return self.folders[0] / text

    def _is_there(self, path: str) -> bool:
        folder, name = os.path.split(os.path.normpath(path))
        return name in self._listing(folder)

    def _listing(self, folder: str) -> set[str]:
        if folder not in self._names:
            try:
                self._names[folder] = {*os.listdir(folder)}
            except (OSError, ValueError):
                self._names[folder] = set()
        return self._names[folder]

    def _ends(self, folder: Path, text: str) -> Iterator[str]:
        """Yield the ends of a path, the longest first: all of it, then without its first folder, and so on.

        A relative path keeps its first folder where there is one of that name: the file is then missing in it, and
        another of the same name elsewhere is not it.
        """
        parts = [part for part in text.split("/") if part not in ("", ".", "..")]
        if not parts:
            return
        elsewhere = text.startswith(("/", "..")) or text[1:2] == ":" or parts[0] not in self._listing(str(folder))
        for start in range(len(parts) if elsewhere else 1):
            yield "/".join(parts[start:])

    def _in_any_case(self, folder: Path, name: str) -> str | None:
        """Return the name below `folder` that is `name` but for the case of its letters; None where there is none."""
        parts: list[str] = []
        for part in PurePosixPath(name).parts:
            here = os.path.join(folder, *parts)
            if here not in self._lower:
                self._lower[here] = {known.lower(): known for known in sorted(self._listing(here), reverse=True)}
            known = part if part in self._listing(here) else self._lower[here].get(part.lower())
            if known is None:
                return None
            parts.append(known)
        return "/".join(parts)

    def _below(self, path: Path) -> str:
        """Return the path below the innermost of the folders that it is in."""
        names = [path.relative_to(folder).as_posix() for folder in self.folders if path.is_relative_to(folder)]
        return min(names, key=len, default=path.as_posix())


def _spellings(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the ways to read a path, the plainest first, and what each takes for granted."""
    yield text, []
    if "\\" in text:
        text = text.replace("\\", "/")
        yield text, [BACKSLASHES]
    if "%" in text or text.startswith("file:"):
        decoded = unquote(text.removeprefix("file://"))
        yield decoded, [*([BACKSLASHES] if "\\" in text else []), ENCODED]
