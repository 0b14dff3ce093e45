r"""How CSV files of embeddings are written and named: a small TOML file, or the layout that needs none.

All keys may be left out; these are their values in a folder without a TOML file::

    person = '(?P<person>…)'        # found in a recording's name; without it each recording is a group of its own

    [frames]                        # one row per video frame
    file = "frames.csv"             # relative to the TOML file
    path = "path"                   # column that holds the recording's name
    recording = '(?P<recording>[^/]+)/[^/]+$'    # where in it: the folder of an image
    time = "timestamp"
    valence = "valence"
    arousal = "arousal"
    scale = [-1, 1]                 # of both labels
    features = "emb_"               # columns that begin so and are numbered, or a list of columns

    [audio]                         # one row per window of sound
    files = { 1s = "audio_1s.csv", 2s = "audio_2s.csv" }    # or file = "audio.csv"
    path = "filename"
    recording = '(?P<recording>[^/]+?)(\.[^./]*)?$'        # the file's name without its ending
    start = "start"
    end = "end"
    features = […]                  # a list of columns, or how they begin; without it all further columns

Labels may stand in files of their own::

    [labels]                        # [frames] may be left out beside it: then each label is a sample
    layout = "rows"                 # one row per label; or "wide", or "events"
    file = "labels/*.csv"           # one file, or a pattern
    path, recording, time, valence, arousal, scale    # as above; recording = '^(?P<recording>.+)$'
    outside = "refuse"              # labels outside the scale; "unlabelled" takes them out and counts them

    layout = "wide"                 # one row per recording, times in the header
    valence_file, arousal_file = …  # one file for each axis
    time = 'sample_(?P<time>\d+)ms'  # columns of labels, and where in their names the time is

    layout = "events"               # one row per event: a sample each, of the mean and sd of what is in it
    onset, duration = …             # columns
    who = "character"               # column; events of two of them may overlap

``valence = "a - b"`` is the difference of two columns. ``time = ""``, and under [audio] ``start = ""``, is for tables
of utterances without time: each row is a recording. ``path = ""`` finds the recording in the file's name. [audio]
takes ``duration`` in place of ``end``. Beside events, the files of [frames] and [audio] may be patterns too.

All sections also take ``separator = ","``, ``quote = '"'``, ``decimal = "."`` and ``time_unit = "s"`` (or "ms").
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training import messages
from training.contract import UserError
from training.datasets._table import SUFFIXES, Table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DEFAULT_NAME = "embeddings.toml"
AUDIO = "audio"
LABELS = "labels"
ROWS, WIDE, EVENTS = "rows", "wide", "events"
REFUSE, UNLABELLED = "refuse", "unlabelled"
WHOLE_NAME = r"^(?P<recording>.+)$"
FOLDER_OF_PATH = r"(?P<recording>[^/\\]+)[/\\][^/\\]+$"
STEM_OF_FILE = r"(?P<recording>[^/\\]+?)(\.[^./\\]*)?$"
UNITS = {"s": 1.0, "ms": 1e-3}

_WRITTEN = {"separator": ",", "quote": '"', "decimal": ".", "time_unit": "s"}
_FRAMES: dict[str, Any] = {
    "file": "frames.csv",
    "path": "path",
    "recording": FOLDER_OF_PATH,
    "time": "timestamp",
    "valence": "valence",
    "arousal": "arousal",
    "scale": None,
    "features": "emb_",
    **_WRITTEN,
}
_AUDIO: dict[str, Any] = {
    "file": None,
    "files": None,
    "path": "filename",
    "recording": STEM_OF_FILE,
    "start": "start",
    "end": "end",
    "duration": "",
    "features": None,
    **_WRITTEN,
}
_LABELS: dict[str, Any] = {
    "layout": ROWS,
    "file": "labels.csv",
    "valence_file": "valence.csv",
    "arousal_file": "arousal.csv",
    "path": "name",
    "recording": WHOLE_NAME,
    "time": "timestamp",
    "onset": "onset",
    "duration": "duration",
    "who": "",
    "valence": "valence",
    "arousal": "arousal",
    "scale": None,
    "outside": REFUSE,
    **_WRITTEN,
}
_MAY_BE_EMPTY = ("quote", "path", "time", "start", "duration", "who")
_CHOICES = {
    "layout": (ROWS, WIDE, EVENTS),
    "outside": (REFUSE, UNLABELLED),
    "decimal": (".", ","),
    "time_unit": tuple(UNITS),
    "quote": ('"', "'", ""),
}


@dataclass(frozen=True)
class Section:
    """The files of one modality and how they are written.

    Parameters
    ----------
    files : block → file.  keys : all keys of the TOML section with their values.
    name : frames or audio.  source : the TOML file that says so, None for the layout that needs none.
    """

    files: Mapping[str, Path]
    keys: Mapping[str, Any]
    name: str
    source: Path | None

    def __getitem__(self, key: str) -> Any:
        return self.keys[key]

    @property
    def seconds(self) -> float:
        """Return the seconds of the files' unit of time."""
        return UNITS[self.keys["time_unit"]]

    @property
    def where(self) -> str:
        """Return where to write a line that changes how the files are read, for messages."""
        return f"under [{self.name}] in {self.source or DEFAULT_NAME + ' beside the file'}"

    def matching(self, block: str) -> list[Path]:
        """Return the files of a block by name: one, or all that its pattern matches; UserError where none does."""
        named = self.files[block]
        if "*" not in named.name:
            return [named]
        files = sorted(named.parent.glob(named.name))
        if not files:
            there = messages.listed(sorted(path.name for path in named.parent.glob("*"))) or "nothing"
            raise UserError(f"{self.source}, [{self.name}]: no file matches {named}; its folder has {there}")
        return files

    def table(self, file: Path) -> Table:
        """Open one of the files."""
        written = {key: self.keys[key] for key in ("separator", "quote", "decimal")}
        return Table(file, **written, where=self.where)


@dataclass(frozen=True)
class Layout:
    """The files of a data set of embeddings.

    person : the rule that finds a person in a recording's name, None where each recording is a group of its own.
    notes : sentences on files that lie beside these and are not read.
    labels : files of labels alone, None where they stand with the frames. frames is None only beside them.
    """

    frames: Section | None
    audio: Section | None
    person: str | None
    notes: tuple[str, ...] = ()
    labels: Section | None = None


def layout(root: Path) -> Layout:
    """Return the layout of `root`: a folder, a TOML file, or a CSV file of frames alone.

    Raises UserError for a path that is none of them, an unknown key, a value of another kind, and a rule that is no
    regular expression with the group that it needs.
    """
    if root.is_dir():
        file = root / DEFAULT_NAME
        if file.is_file():
            return _from_toml(file)
        others = sorted(path.name for path in root.glob("*.toml"))
        notes = [f"{', '.join(others)}: not read; name the file itself by --root where it is meant"] if others else []
        return _plain(root, tuple(notes))
    if not root.exists():
        near = messages.nearest(root.name, [path.name for path in root.parent.glob("*")], cutoff=0.5)
        raise UserError(f"{root} does not exist{near}")
    if root.suffix == ".toml":
        return _from_toml(root)
    if not root.name.endswith(SUFFIXES):
        raise UserError(
            f"{root}: expected a folder with frames.csv in it, a TOML file that names the files, or a CSV file of "
            "frames"
        )
    beside = sorted(_audio_files(root.parent).values())
    unread = f"{', '.join(file.name for file in beside)}: not read; --root {root.parent} reads audio too"
    return Layout(Section({"video": root}, _FRAMES, "frames", None), None, None, (unread,) if beside else ())


def _plain(folder: Path, notes: tuple[str, ...] = ()) -> Layout:
    """Return the layout of a folder without a TOML file."""
    frames = next((folder / f"frames{end}" for end in SUFFIXES if (folder / f"frames{end}").exists()), None)
    if frames is None:
        has = messages.listed(sorted(path.name for path in folder.iterdir())) or "nothing"
        raise UserError(
            f"{folder} holds no frames.csv; found {has}. A file {DEFAULT_NAME} in it may name the files, or --root "
            "may name the CSV file itself"
        )
    audio = _audio_files(folder)
    _check_lengths(audio, folder)
    return Layout(
        frames=Section({"video": frames}, _FRAMES, "frames", None),
        audio=Section(audio, _AUDIO, AUDIO, None) if audio else None,
        person=None,
        notes=notes,
    )


def _audio_files(folder: Path) -> dict[str, Path]:
    """Return block → file of the folder's audio.csv or audio_1s.csv, audio_2s.csv …, by length."""
    found: dict[str, Path] = {}
    for file in sorted(folder.glob("audio*.csv*")):
        stem = re.sub(r"\.csv(\.gz)?$", "", file.name)
        if stem == AUDIO or length(stem) is not None:
            found.setdefault(_block(stem), file)
    return dict(sorted(found.items(), key=lambda item: length(item[0]) or 0.0))


def length(block: str) -> float | None:
    """Return the seconds that a block of audio windows is named by, None for ``audio``."""
    match = re.fullmatch(r"audio_(\d+(?:\.\d+)?)s", block)
    return float(match[1]) if match else None


def _block(name: str) -> str:
    """Return the block's name as methods ask for it: ``audio_2.0s`` is ``audio_2s``."""
    seconds = length(name)
    return AUDIO if seconds is None else f"{AUDIO}_{seconds:g}s"


def _check_lengths(audio: Mapping[str, Path], where: Path) -> None:
    if AUDIO in audio and len(audio) > 1:
        names = ", ".join(file.name for file in audio.values())
        raise UserError(f"{where}: expected one audio file, or one for each window length; found {names}")


# ------------------------------------------------------------------------------------------------------ TOML


def _from_toml(file: Path) -> Layout:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{file}: expected UTF-8 text, found the byte {error.object[error.start]:#04x}") from error
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{file}: expected TOML, found: {error}") from error
    _check_keys(file, "", content, ("person", "frames", AUDIO, LABELS))
    labels = _labels(file, content[LABELS]) if LABELS in content else None
    frames = _section(file, "frames", content.get("frames", {}), _FRAMES)
    audio_files = _audio_files(file.parent)
    audio: dict[str, Any] | None = None
    if AUDIO in content:
        audio = _section(file, AUDIO, content[AUDIO], _AUDIO)
        audio_files = _named_files(file, audio) or audio_files
        if not audio_files:
            raise UserError(
                f'{file}, [audio]: expected files = {{ 1s = "audio_1s.csv" }} or file = "audio.csv", found neither, '
                f"nor such a file in {file.parent}"
            )
    elif audio_files:
        audio = _AUDIO
    _check_lengths(audio_files, file)
    person = content.get("person")
    if person is not None:
        _check_rule(file, "", "person", person)
    events = labels is not None and labels["layout"] == EVENTS
    for named in () if events else [frames["file"], *(audio_file.name for audio_file in audio_files.values())]:
        if "*" in named:
            raise UserError(
                f"{file}: found the pattern {named!r}, expected one file: only beside [labels] with "
                f'layout = "{EVENTS}" may frames and audio be several files'
            )
    return Layout(
        frames=Section({"video": file.parent / frames["file"]}, frames, "frames", file)
        if labels is None or "frames" in content
        else None,
        audio=None if audio is None else Section(audio_files, audio, AUDIO, file),
        person=person,
        labels=labels,
    )


def _labels(file: Path, given: Any) -> Section:
    """Return the section [labels] with the files that it names."""
    keys = _section(file, LABELS, given, _LABELS)
    if keys["layout"] == WIDE:
        _check_rule(file, LABELS, "time", keys["time"])
        files = {axis: file.parent / keys[f"{axis}_file"] for axis in ("valence", "arousal")}
    else:
        section = Section({LABELS: file.parent / keys["file"]}, keys, LABELS, file)
        files = {path.name: path for path in section.matching(LABELS)}
    return Section(files, keys, LABELS, file)


def _named_files(file: Path, audio: Mapping[str, Any]) -> dict[str, Path]:
    """Return block → file as the section [audio] names them; empty where it names none."""
    if audio["file"] is not None and audio["files"] is not None:
        raise UserError(f"{file}, [audio]: expected file or files, found both")
    if audio["file"] is not None:
        return {AUDIO: file.parent / audio["file"]}
    named: dict[str, Path] = {}
    for key, name in (audio["files"] or {}).items():
        if length(f"audio_{key}") is None or not isinstance(name, str):
            raise UserError(
                f'{file}, [audio], files: expected a window length and its file, such as 2s = "audio_2s.csv"; '
                f"found {key} = {name!r}"
            )
        named[_block(f"audio_{key}")] = file.parent / name
    return dict(sorted(named.items(), key=lambda item: length(item[0]) or 0.0))


def _section(file: Path, name: str, given: Any, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the section's keys with the defaults of those that are not given; UserError for what is not valid."""
    if not isinstance(given, dict):
        raise UserError(f"{file}: expected a section [{name}], found {name} = {given!r}")
    _check_keys(file, name, given, tuple(defaults))
    at = f"{file}, [{name}]"
    for key, value in given.items():
        if key == "scale":
            numbers = isinstance(value, list) and all(type(one) in (int, float) for one in value)
            if not numbers or len(value) != 2 or not value[0] < value[1]:
                raise UserError(f"{at}, scale: expected its ends, such as [-10, 10], found {value!r}")
        elif key == "features":
            listed = isinstance(value, list) and value and all(isinstance(one, str) and one for one in value)
            if not listed and not (isinstance(value, str) and value):
                raise UserError(f"{at}, features: expected how columns begin, or a list of them, found {value!r}")
        elif key == "files":
            if not isinstance(value, dict) or not value:
                raise UserError(f'{at}, files: expected such as {{ 1s = "audio_1s.csv" }}, found {value!r}')
        elif not isinstance(value, str) or (not value and key not in _MAY_BE_EMPTY):
            raise UserError(f"{at}, {key}: expected a text, found {value!r}")
        elif key == "recording":
            _check_rule(file, name, key, value)
        elif key == "separator" and len(value) != 1:
            raise UserError(f"{at}, separator: expected one character, found {value!r}")
        elif key in _CHOICES and value not in _CHOICES[key]:
            raise UserError(f"{at}, {key}: expected one of {', '.join(map(repr, _CHOICES[key]))}, found {value!r}")
    keys = {**defaults, **given}
    if keys["separator"] == keys["decimal"]:
        raise UserError(f"{at}: expected a separator that is not the decimal mark, found {keys['decimal']!r} for both")
    return keys


def _check_keys(file: Path, section: str, given: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in given:
        if key not in known:
            raise UserError(f"{file}{f', [{section}]' if section else ''}: {messages.unknown(key, known, 'key')}")


def _check_rule(file: Path, section: str, group: str, rule: Any) -> None:
    at = f"{file}{f', [{section}]' if section else ''}, {group}"
    try:
        names = re.compile(rule).groupindex if isinstance(rule, str) else {}
    except re.error as error:
        raise UserError(f"{at}: expected a regular expression, found {rule!r} ({error})") from error
    if group not in names:
        raise UserError(f"{at}: expected a regular expression with (?P<{group}>…) in it, found {rule!r}")
