"""Odd input for everything that reads what other people wrote: ``python -m tests.fuzzing [INPUTS]`` prints the counts.

Each target hands one input to the code that reads it. It ends well or with the one error that a person is shown; any
other exception would have been a traceback and is counted. Files that are opened outside the folder of the input, and
elements of a shared page that came from a text of the store, are counted as well. `make test` runs a small part.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import sys
import tempfile
import traceback
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pandas as pd
from hypothesis import strategies as st
from PIL import Image

from affect import record
from dashboard.damaged import Damaged
from dashboard.reading.artifacts import Folder
from dashboard.results import card
from dashboard.results.index import Index
from dashboard.store import Source, Store
from dashboard.views import items
from dashboard.views.document import Chapter, document
from tests import fake_store, small_data
from training import cli, image_files, json_files, splits
from training.contract import UserError
from training.datasets import ckplus, embeddings, labelled_folder, lma
from training.motion_capture import bvh
from training.study import plan
from training.tracking import exported

INPUTS = 20_000
RUN = "a" * 32


@dataclass
class Count:
    """What was seen of one target. `tracebacks` are kinds of exceptions that no person should see."""

    inputs: int = 0
    tracebacks: Counter[str] = field(default_factory=Counter)
    markup: int = 0
    outside: set[str] = field(default_factory=set)
    first: str = ""


# ------------------------------------------------------------------------------------------------------ odd values

NASTY = st.sampled_from(
    [
        *("", " ", "nan", "-inf", "1e999", "9" * 5000, "null", "true", "[" * 5000, '{"a":' * 3000, "../../etc/passwd"),
        *("/etc/passwd", "a\0b", "\ud800", "x" * 300, "…", "é\u0301", "<script>alert(1)</script>", "**b**", "$x$"),
        *("[a](http://x)", "<img src=x onerror=alert(1)>", "=1+1", "﻿", "\u202e", "a\nb", "'", '"', ",", "\r"),
    ]
)
TEXTS = NASTY | st.text(max_size=20)
NUMBERS = st.integers() | st.floats() | st.sampled_from([10**18, 2**63, -(2**63), 10**400, -1, 0])
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def damaged(*contents: bytes) -> st.SearchStrategy[bytes]:
    """Return a strategy of such contents with bytes replaced, cut out, put in or cut off."""

    def change(content: bytes, changes: list[tuple[str, int, bytes]]) -> bytes:
        made = bytearray(content)
        for kind, place, part in changes:
            at = place % (len(made) + 1)
            if kind == "cut":
                del made[at:]
            elif kind == "remove":
                del made[at : at + len(part)]
            elif kind == "insert":
                made[at:at] = part
            else:
                made[at : at + len(part)] = part
        return bytes(made)

    part = st.binary(min_size=1, max_size=8) | TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")[:6000])
    one = st.tuples(st.sampled_from(["replace", "replace", "insert", "remove", "cut"]), st.integers(0, 1 << 16), part)
    return st.builds(change, st.sampled_from(contents), st.lists(one, max_size=5)) | st.binary(max_size=60)


def to_json(value: Any) -> str:
    """Return JSON text, of NaN and half characters as well."""
    return json.dumps(value)


# --------------------------------------------------------------------------------------------------------- contents


def _csv() -> bytes:
    rng = np.random.default_rng(0)
    columns = ["clip", "label", *lma.FEATURES]
    rows = [[f"c{i}", "joy", *(f"{value:.3f}" for value in rng.random(len(lma.FEATURES)))] for i in range(3)]
    return ("\n".join(",".join(row) for row in [columns, *rows]) + "\n").encode()


def _labels() -> bytes:
    return b"image,emotion,person,valence,arousal\na.png,happiness,p1,0.5,0.1\nb/c.png,sadness,p2,-0.5,0.2\n"


def _images() -> list[bytes]:
    rng = np.random.default_rng(0)
    made = []
    for name in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "TGA"):
        content = BytesIO()
        Image.fromarray(rng.integers(0, 256, (6, 5, 3), dtype=np.uint8)).save(content, name)
        made.append(content.getvalue())
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)  # a small file of a huge image
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return [*made, bomb]


def _meshes() -> list[bytes]:
    made = []
    for packed in (np.savez, np.savez_compressed):
        content = BytesIO()
        packed(content, landmarks=np.zeros((2, 4, 3)), labels=np.array(["a", "b"]), persons=np.array(["p", "q"]))
        made.append(content.getvalue())
    return made


def _parquet() -> bytes:
    content = BytesIO()
    columns = {"sample": ["a", "b"], "group": ["g", "h"], "part": ["train", "test"]}
    pd.DataFrame({**columns, "true_arousal": [0.1, 0.2], "pred_arousal": [0.0, 0.3]}).to_parquet(content)
    return content.getvalue()


BVH = b"""HIERARCHY
ROOT Hips
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Head
  {
    OFFSET 0 10 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 5 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.04
0 90 0 0 0 0 0 0 0
1 90 0 0 5 0 0 2 0
"""
DESCRIPTION: dict[str, Any] = {
    **{"id": RUN, "experiment": "lma", "name": "final", "user": "ada", "status": "FINISHED", "start": 1, "end": None},
    "tags": {"affectory.kind": "final", "affectory.artifacts": '["log.txt"]'},
    "params": {"lr": "0.1"},
    "metrics": [["test/mae/all", 0.25, 5, 0]],
    "files": {"log.txt": "hash"},
}


def _zip(text: str, name: str = "log.txt") -> bytes:
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("affectory.json", json.dumps({"format": 1, "record": 2, "runs": [RUN]}))
        zipped.writestr(f"{RUN}/run.json", text)
        zipped.writestr(f"{RUN}/artifacts/{name}".encode("utf-8", "replace").decode(), b"a log\n")
    return content.getvalue()


# ---------------------------------------------------------------------------------------------------------- targets

Target = tuple[st.SearchStrategy[Any], Callable[[Any], object], int]


def targets(folder: Path) -> dict[str, Target]:
    """Return name → strategy, what reads an input, and the target's share of the inputs; files go into `folder`."""

    def in_file(name: str, read: Callable[[Path], object]) -> Callable[[bytes], object]:
        def write_and_read(content: bytes) -> object:
            (folder / name).write_bytes(content)
            return read(folder / name)

        return write_and_read

    def one_zip(content: bytes) -> None:
        (folder / "runs.zip").write_bytes(content)
        with exported.opened(folder / "runs.zip") as zipped:
            for one in exported.runs(zipped, folder / "runs.zip"):
                for name, member in one.members.items():
                    with exported.reading(folder / "runs.zip", name):
                        zipped.read(member)

    changed = st.tuples(st.sampled_from(sorted(DESCRIPTION)), JSON).map(
        lambda c: _zip(to_json({**DESCRIPTION, c[0]: c[1]}))
    )
    tagged = st.dictionaries(
        st.sampled_from(sorted(record.TAGS)).map(record.tag), TEXTS | JSON.map(to_json), max_size=4
    )
    zips = (
        damaged(_zip(to_json(DESCRIPTION)))
        | changed
        | tagged.map(lambda tags: _zip(to_json({**DESCRIPTION, "tags": tags})))
        | TEXTS.map(lambda name: _zip(to_json({**DESCRIPTION, "files": {name: ""}}), name))
    )
    data = small_data.data("motion")
    split = JSON | st.dictionaries(st.sampled_from(["train", "val", "test"]) | TEXTS, JSON, max_size=4)
    store = _Odd(folder / "store")
    files = Folder(store.folder, lambda _run: "1")
    place = files.root(RUN)
    place.mkdir(parents=True)
    (place / "log.txt").write_text("a log\n")
    (folder / "secret.txt").write_text("secret")
    (place / "link.txt").symlink_to(folder / "secret.txt")
    names = st.lists(TEXTS | st.sampled_from(["..", ".", "log.txt", "link.txt", "model"]), max_size=4).map("/".join)
    settings = {"features": "all"}
    rows = {
        "JSON files": (
            damaged(to_json(DESCRIPTION).encode()) | JSON.map(lambda v: to_json(v).encode()),
            lambda content: json_files.loads(content, "a file"),
            3,
        ),
        "split files": (
            split.map(lambda value: to_json(value).encode()),
            in_file("split.json", lambda file: splits.read(file, data)),
            2,
        ),
        "tables of motion": (
            damaged(_csv()),
            in_file("new.csv", lambda file: lma.read_inputs(file, ("lma",), settings)),
            3,
        ),
        "tables of labels": (damaged(_labels()), in_file("labels.csv", labelled_folder.read_table), 3),
        "tables of embeddings": (
            damaged(b"video,time,valence,arousal,v0,v1\na,0.0,0.1,0.2,1,2\na,0.2,0.1,0.2,1,2\n"),
            in_file("rows.csv", lambda file: embeddings.read_inputs(file, ("video",), {})),
            2,
        ),
        "meshes (npz)": (damaged(*_meshes()), in_file("meshes.npz", ckplus._open), 3),
        "recordings (BVH)": (damaged(BVH), in_file("walk.bvh", bvh.read), 2),
        "images": (damaged(*_images()), image_files.decode, 4),
        "settings": (
            st.dictionaries(st.sampled_from(sorted(_space().DEFAULTS)) | TEXTS, NUMBERS | TEXTS, max_size=3),
            lambda values: plan.parameters(values, _space()),
            1,
        ),
        "exported runs (zip)": (zips, one_zip, 5),
        "tags of runs": (
            st.dictionaries(st.sampled_from(sorted(record.TAGS)), TEXTS | JSON.map(to_json)),
            store.read,
            1,
        ),
        "words of addresses": (st.lists(TEXTS, max_size=3), store.ask, 4),
        "names of artifacts": (names, lambda name: files.path(RUN, name).read_bytes(), 4),
        "artifacts (Parquet)": (
            damaged(_parquet()),
            in_file(str((place / "predictions.parquet").relative_to(folder)), lambda f: files.table(RUN, f.name)),
            3,
        ),
        "texts on shared pages": (st.lists(TEXTS, min_size=6, max_size=6), _shared, 2),
    }
    return rows


def _space() -> Any:
    from search_spaces.motion import lma_to_pad

    return lma_to_pad


class _Odd:
    """A store with a study and a final whose tags are odd."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with fake_store.Writer(folder) as writer:
            writer.run(writer.experiment("odd"), RUN, "odd", {"kind": "study"})
        self.store = Store(Source(f"sqlite:///{folder / 'mlflow.db'}", folder))
        self.index = Index(self.store.runs())

    def read(self, tags: dict[str, str]) -> None:
        """Read a run with these tags and make its card."""
        with fake_store.Writer(self.folder) as writer:
            writer.connection.execute("DELETE FROM tags")
            whole = {"kind": "study", "study": "odd", **tags}
            # what SQLite does not store cannot be in a store
            writer.tags(RUN, {record.tag(k): v.encode("utf-8", "replace").decode() for k, v in whole.items()})
        index = Index(self.store.runs())
        if RUN in index:
            card.make(index, RUN, pd.Timestamp.now("UTC"))
            assert index.title(RUN) is not None
            assert index.problems is not None

    def ask(self, words: list[str]) -> None:
        """Look up what an address asks for."""
        _, unknown = self.index.asked(words)
        for word in unknown:
            self.index.nearest(word)


class _Elements(HTMLParser):
    """Counts the elements of a document, and its attributes that act or fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found[tag] += 1
        self.found.update(f"{tag} {name}" for name, _ in attrs if name.startswith("on") or name == "src")


class Markup(Exception):
    """A text of the store became an element of a page."""


def _elements(texts: list[str]) -> Counter[str]:
    title, how, message, cell, column, code = texts
    shown = [
        items.Section(title, how, frame=pd.DataFrame({column or "x": [cell]})),
        items.Message(message or "x"),
        items.Values([items.Value(title, cell, how)]),
        items.Code(code, title),
    ]
    parser = _Elements()
    parser.feed(document(title, how, [Chapter(title, how, shown)], message))
    return parser.found


def _shared(texts: list[str]) -> None:
    # what SQLite and Parquet do not store cannot be in a store
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    # an empty text leaves an element out; what is compared with is as long
    if _elements(texts) - _elements([f"{text and 'a'}" for text in texts]):
        raise Markup(f"{texts!r} became markup")


# ----------------------------------------------------------------------------------------------------------- running

_watched: list[tuple[Path, set[str]]] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open" or not _watched or not isinstance(arguments[0], str | bytes):
        return
    folder, outside = _watched[-1]
    path = os.path.realpath(os.fsdecode(arguments[0]))
    own = (str(folder), sys.prefix, sys.base_prefix, str(Path(__file__).parents[1]), "/dev", "/proc", "/sys", "/usr")
    if not path.startswith(tuple(os.path.realpath(root) for root in own)):
        outside.add(path)


@contextmanager
def watching(folder: Path, outside: set[str]) -> Iterator[None]:
    """Note in `outside` every file that is opened and lies neither in `folder` nor with Python and the project."""
    _watched.append((folder, outside))
    try:
        yield
    finally:
        _watched.pop()


sys.addaudithook(_audit)


def fuzz(inputs: int, seed: int = 0) -> dict[str, Count]:
    """Return what was seen of each target with about so many inputs together, the same for the same seed."""
    folder = Path(tempfile.mkdtemp(prefix="affectory-fuzz-"))
    place = os.environ.get("AFFECTORY_CACHE")
    os.environ["AFFECTORY_CACHE"] = str(folder / "cache")
    try:
        rows = targets(folder)
        shares = sum(share for *_, share in rows.values())
        return {
            name: _one(strategy, read, -(-inputs * share // shares), folder, seed)
            for name, (strategy, read, share) in rows.items()
        }
    finally:
        os.environ.pop("AFFECTORY_CACHE")
        if place is not None:
            os.environ["AFFECTORY_CACHE"] = place
        shutil.rmtree(folder, ignore_errors=True)


def _one(
    strategy: st.SearchStrategy[Any], read: Callable[[Any], object], inputs: int, folder: Path, seed: int
) -> Count:
    count = Count()

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=inputs,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(strategy)
    def run(value: Any) -> None:
        count.inputs += 1
        try:
            with watching(folder, count.outside):
                read(value)
        except (UserError, Damaged) as error:
            if len(str(error)) > cli.SCREEN:
                count.tracebacks["a message of more than a screen"] += 1
                count.first = count.first or str(error)[:300]
        except Markup as error:
            count.markup += 1
            count.first = count.first or str(error)
        except Exception as error:
            count.tracebacks[type(error).__name__] += 1
            count.first = count.first or f"{value!r:.300}\n{traceback.format_exc(limit=-4)}"

    # an input that is drawn twice is not run twice by hypothesis: there may be fewer than asked for
    run()
    return count


def main(inputs: int) -> int:
    """Print a table of the targets, and the first input of each kind of failure; return the number of failures."""
    rows = fuzz(inputs)
    print(f"{'target':24}{'inputs':>8}{'tracebacks':>12}{'markup':>8}{'outside':>9}")
    together = Count()
    for name, count in [*rows.items(), ("together", together)]:
        print(f"{name:24}{count.inputs:8}{count.tracebacks.total():12}{count.markup:8}{len(count.outside):9}")
        together.inputs += count.inputs
        together.markup += count.markup
        together.tracebacks.update(count.tracebacks)
        together.outside |= count.outside
    for name, count in rows.items():
        if count.first or count.outside:
            print(f"\n{name}: {dict(count.tracebacks)} {sorted(count.outside)[:5]}\n{count.first}")
    return together.tracebacks.total() + together.markup + len(together.outside)


if __name__ == "__main__":
    sys.exit(1 if main(int(sys.argv[1]) if len(sys.argv) > 1 else INPUTS) else 0)
