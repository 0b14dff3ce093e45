"""Face meshes of the Extended Cohn-Kanade images (CK+): FaceMesh landmarks in pixels, with emotion and person.

The file is the npz that ``python -m training prepare meshes`` writes from the official tree or from any images:
``landmarks`` (n, 468, 3) in pixels, ``filename``, ``label``, and where known ``person``, ``sequence``, ``frame`` and
``triangles``. Without person and sequence, names are read as CK+ writes them, ``S010_004_00000017.png``.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from training import image_files, left_out, messages
from training.contract import UserError
from training.data import Block, Dataset, NewRows, Reader

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from training.contract import Settings
    from training.data import Floats, Indices, Strings

READER = Reader(
    title="CK+ face meshes (npz of prepare meshes)",
    data="meshes",
    blocks=("landmarks",),
    classes=True,
    sequences=True,
)

EMOTIONS = ("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")
"""CK+'s emotions in the order of its codes, 1 … 7."""

VERTICES, WITH_IRISES = 468, 478
_NAME = re.compile(r"(?P<person>S\d+)_(?P<take>\d+)_(?P<frame>\d+)(\.\w+)?", re.ASCII)
_EXPECTED_NAME = "Sxxx_yyy_frame.png (person, sequence and frame, as CK+ names its images)"

KNOWN = (
    *("landmarks", "filename", "label", "person", "sequence", "frame", "time", "triangles"),
    "without_face",
)
"""Arrays that the file may have."""

FRAMES_PER_SECOND = 30.0
"""Of CK+'s recordings (Lucey et al. 2010), for files that name frames and no times."""

SMALLEST = 2.0
"""Pixels; a face in normalised coordinates is less than 1 wide, and one of 2 pixels is no face."""


def read(root: Path | None, settings: Settings) -> Dataset:
    """Read the npz file `root`: the block ``landmarks`` (n, 468, 3) float32, x right, y down, z away, all in pixels.

    A sample is an image, a group a person. Meshes that tracking lost (not finite, or all zero) and images without a
    label are left out and counted. Without ``triangles`` a Delaunay triangulation of the mean face seen from the front
    serves. Raises UserError for the image tree itself, and for a file that is not as the module says.
    """
    if root is None:
        raise UserError(
            "ckplus reads a file: give it with --root FILE.npz (`python -m training prepare meshes` writes it)"
        )
    arrays = _open(root)
    notes: list[str] = []
    landmarks = _in_pixels(root, arrays, notes)
    names = _texts(root, arrays, "filename", len(landmarks))
    label = _texts(root, arrays, "label", len(landmarks))

    lost = _lost(landmarks)
    left = {
        "meshes that tracking lost": names[lost].tolist(),
        "meshes without a label": names[~lost & (label == "")].tolist(),
    }
    kept = ~lost & (label != "")
    if kept.sum() * 2 < len(kept):
        why = ", ".join(f"{len(of)} {name}" for name, of in left.items() if of)
        raise UserError(f"{root}: most meshes cannot be used: {why}, of {len(kept)}")
    if "without_face" in arrays:
        left["images in which no face was found when the file was made"] = np.ravel(arrays["without_face"]).tolist()
    notes += left_out.sentences(left)
    if further := sorted({*arrays} - {*KNOWN}):
        notes.append(f"arrays that are not read: {messages.listed(further)}")
    person, sequence, frame = (of[kept] for of in _people(root, arrays, names))
    time = _seconds(root, arrays, frame, kept)
    landmarks, names, label = landmarks[kept], names[kept], label[kept]
    _check_labels(root, names, label, notes)
    triangles = _triangles(root, arrays, landmarks, notes)
    sample = _samples(root, names)
    # the version is a hash of the values: an npz that is written a second time has other bytes
    content = (landmarks, triangles, frame, *(np.char.encode(of, "utf-8") for of in (sample, person, sequence, label)))
    return Dataset(
        name="ckplus",
        version=hashlib.sha256(b"".join(np.ascontiguousarray(of).tobytes() for of in content)).hexdigest()[:16],
        synthetic=False,
        blocks={"landmarks": Block(landmarks, unit="px", triangles=triangles)},
        sample=sample,
        group=person,
        group_kind="person",
        persons_known=True,
        label=label,
        sequence=sequence,
        time=time,
        summary={
            "file": root.name,
            **summarise(landmarks, person, sequence, label, notes),
            **left_out.summary(left),
            "triangles": len(triangles),
        },
    )


def read_inputs(file: Path, blocks: tuple[str, ...], settings: Settings) -> NewRows:
    """Read new faces to predict for: an npz, in which only ``landmarks`` are asked for, an image, a folder, a video.

    Returns landmarks (n, 468, 3) and ``filename``, what names the rows. In images FaceMesh finds the faces; those
    without one, and meshes that tracking lost, are listed in `skipped`. Raises UserError as `read` does.
    """
    from training.facemesh import images

    if file.is_dir() or image_files.is_image(file) or images.is_video(file):
        from rich.console import Console

        from training.prepare.meshes import meshes

        faces = meshes(file, Console(stderr=True))
        return NewRows(
            {"landmarks": Block(faces.landmarks)},
            {"filename": np.array([one.name for one in faces.images], np.str_)},
            skipped=faces.sentences(),
        )
    arrays = _open(file)
    notes: list[str] = []
    landmarks = _in_pixels(file, arrays, notes)
    lost = _lost(landmarks)
    names = (
        _texts(file, arrays, "filename", len(landmarks))
        if "filename" in arrays
        else np.array([str(i + 1) for i in range(len(landmarks))], np.str_)
    )
    if lost.all():
        raise UserError(
            f"{file}: expected faces, found landmarks that are all zero or not finite in all {len(lost)} rows"
        )
    skipped = {"meshes that tracking lost": names[lost].tolist()}
    return NewRows(
        {"landmarks": Block(landmarks[~lost])},
        {"filename": names[~lost]},
        skipped=(*notes, *left_out.sentences(skipped)),
    )


def summarise(
    landmarks: Floats, person: Strings, sequence: Strings, label: Strings, notes: Sequence[str]
) -> dict[str, Any]:
    """Return the counts of a mesh data set as a summary for JSON. `landmarks` (n, v, 3), the others (n,)."""
    size = np.ptp(landmarks, axis=1).astype(float)
    owners, takes = ({*zip(label.tolist(), of.tolist(), strict=True)} for of in (person, sequence))
    return {
        "rows": len(landmarks),
        "skipped": 0,
        "groups": len(np.unique(person)),
        "sequences": len(np.unique(sequence)),
        "vertices": landmarks.shape[1],
        "face_pixels": {
            name: {
                "min": round(float(of.min()), 1),
                "mean": round(float(of.mean()), 1),
                "max": round(float(of.max()), 1),
            }
            for name, of in zip(("width", "height", "depth"), size.T, strict=True)
        },
        "rows_by_label": dict(sorted(Counter(label.tolist()).items())),
        "groups_by_label": dict(sorted(Counter(name for name, _ in owners).items())),
        "sequences_by_label": dict(sorted(Counter(name for name, _ in takes).items())),
        "notes": list(notes),
    }


def front_triangles(landmarks: Floats) -> Indices:
    """Return the Delaunay triangulation (f, 3) of the mean of `landmarks` (n, v, 3), seen from the front.

    Each face counts alike, whatever its size and place in the image. All triangles turn in one sense.
    """
    from scipy.spatial import Delaunay

    flat = landmarks[:, :, :2].astype(float)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.sqrt((flat**2).mean(axis=(1, 2), keepdims=True))
    mean = flat.mean(axis=0)
    found = np.asarray(Delaunay(mean).simplices, np.int64)
    a, b, c = (mean[found[:, i]] for i in range(3))
    across, down = b - a, c - a
    wrong = across[:, 0] * down[:, 1] - across[:, 1] * down[:, 0] > 0
    found[wrong] = found[wrong][:, ::-1]
    return found


# ------------------------------------------------------------------------------------------------ what a file holds


def _open(file: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of an npz; nothing in it is unpickled."""
    import tokenize
    import zipfile
    import zlib

    if file.is_dir():
        raise UserError(
            f"{file} is a folder: expected the file of its meshes, which "
            f"`python -m training prepare meshes {file} meshes.npz` writes"
        )
    if not file.exists():
        raise UserError(f"there is no file {file}")
    # a pipe would be waited for without end
    if not file.is_file() or not zipfile.is_zipfile(file):
        raise UserError(f"{file}: expected an npz with landmarks, as `prepare meshes` writes it, found another format")
    try:
        with zipfile.ZipFile(file) as members:
            needed = sum(member.file_size for member in members.infolist())
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        if needed > memory:
            raise UserError(
                f"{file}: its arrays need {messages.size(needed)}, more memory than this machine has "
                f"({messages.size(memory)})"
            )
        with np.load(file, allow_pickle=False) as content:
            arrays = {name: content[name] for name in content.files}
    except (
        *(OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error),
        *(RuntimeError, NotImplementedError),  # a member is encrypted, or packed in an unknown way
        *(
            tokenize.TokenError,
            SyntaxError,
            MemoryError,
            RecursionError,
        ),  # a damaged header, which is Python's notation
    ) as error:
        raise UserError(f"{file}: expected an npz of plain arrays (landmarks …), found: {str(error)[:200]}") from error
    if "landmarks" not in arrays:
        hint = messages.nearest("landmarks", arrays, count=1, cutoff=0.5)
        raise UserError(f"{file}: expected an array 'landmarks', found {', '.join(arrays) or 'none'}{hint}")
    return arrays


def _texts(file: Path, arrays: dict[str, NDArray[Any]], name: str, n: int) -> Strings:
    if name not in arrays:
        hint = messages.nearest(name, arrays, count=1, cutoff=0.5)
        raise UserError(f"{file}: expected an array {name!r}, found {', '.join(arrays)}{hint}")
    values = arrays[name]
    if values.shape != (n,) or values.dtype.kind != "U":
        raise UserError(
            f"{file}, array {name}: expected {n} texts, one for each mesh, found {values.dtype} {values.shape}"
        )
    if values.itemsize and (np.ascontiguousarray(values).view(np.uint32) > sys.maxunicode).any():
        raise UserError(f"{file}, array {name}: expected texts, found what are no characters: the file is damaged")
    return np.char.strip(values)


def _in_pixels(file: Path, arrays: dict[str, NDArray[Any]], notes: list[str]) -> NDArray[np.float32]:
    """Return landmarks (n, 468, 3) as float32, irises cut off."""
    values = arrays["landmarks"]
    if values.ndim != 3 or values.shape[1] not in (VERTICES, WITH_IRISES) or values.shape[2] != 3 or not len(values):
        raise UserError(f"{file}, array landmarks: expected (n, {VERTICES}, 3), found {values.shape}")
    if values.dtype.kind != "f":
        raise UserError(f"{file}, array landmarks: expected floating-point pixels, found {values.dtype}")
    if values.shape[1] == WITH_IRISES:
        notes.append(f"{WITH_IRISES} landmarks: the {WITH_IRISES - VERTICES} of the irises are cut off")
        values = values[:, :VERTICES]
    good = np.flatnonzero(~_lost(values))
    size = np.ptp(values[good, :, :2], axis=1).max(axis=1)
    if len(good) and size.min() < SMALLEST:
        row = int(good[size.argmin()])
        raise UserError(
            f"{file}, array landmarks, row {row}: expected pixels, found a face {size.min():.3g} across: normalised "
            "coordinates bend the geometry of an image that is not square; multiply x and z by the image's width "
            "and y by its height"
        )
    return values.astype(np.float32)


def _lost(landmarks: Floats) -> NDArray[np.bool_]:
    lost: NDArray[np.bool_] = ~np.isfinite(landmarks).all(axis=(1, 2)) | (landmarks == 0).all(axis=(1, 2))
    return lost


def _people(
    file: Path, arrays: dict[str, NDArray[Any]], names: Strings
) -> tuple[Strings, Strings, NDArray[np.float64]]:
    """Return person, sequence and number of the frame (n,), from arrays of those names or else from the file names."""
    if "person" in arrays:
        person, sequence = (_texts(file, arrays, name, len(names)) for name in ("person", "sequence"))
        frame = np.asarray(arrays["frame"]) if "frame" in arrays else np.zeros(0)
        if frame.shape != names.shape or frame.dtype.kind not in "iuf" or not (frame >= 0).all():
            raise UserError(f"{file}, array frame: expected {len(names)} numbers from 0, found {frame.dtype}")
        unknown = np.flatnonzero(person == "")
        if len(unknown):
            raise UserError(
                f"{file}, array person, row {unknown[0]} ({names[unknown[0]]}): expected whose face it is, found "
                "nothing: without persons no split can be made of them"
            )
        return person, sequence, frame.astype(float)
    found = [_NAME.fullmatch(name) for name in names.tolist()]
    parts = [match for match in found if match]
    if len(parts) < len(found):
        row = next(i for i, match in enumerate(found) if not match)
        raise UserError(
            f"{file}, array filename, row {row}: expected {_EXPECTED_NAME}, found {str(names[row])!r}; for other names "
            "give the arrays person, sequence and frame"
        )
    return (
        np.array([match["person"] for match in parts], np.str_),
        np.array([f"{match['person']}_{match['take']}" for match in parts], np.str_),
        np.array([int(match["frame"]) for match in parts], float),
    )


def _seconds(
    file: Path, arrays: dict[str, NDArray[Any]], frame: NDArray[np.float64], kept: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the seconds (m,) of the meshes `kept` in their recordings: the array time, else by the frame."""
    if "time" not in arrays:
        return frame / FRAMES_PER_SECOND
    time = np.asarray(arrays["time"])
    if time.shape != kept.shape or time.dtype.kind not in "iuf" or not np.isfinite(time).all():
        raise UserError(f"{file}, array time: expected {len(kept)} seconds, found {time.dtype} {time.shape}")
    return time[kept].astype(np.float64)


def _samples(file: Path, names: Strings) -> Strings:
    """Return the names without what says their format."""
    samples = np.array([re.sub(r"\.\w+$", "", name, flags=re.ASCII) for name in names.tolist()], np.str_)
    found, count = np.unique(samples, return_counts=True)
    if (count > 1).any():
        raise UserError(f"{file}, array filename: expected each image once, found {str(found[count > 1][0])!r} twice")
    return samples


def _check_labels(file: Path, names: Strings, label: Strings, notes: list[str]) -> None:
    others = sorted({*label.tolist()} - {*EMOTIONS})
    for other in others:
        close = messages.close(other, EMOTIONS, count=1, cutoff=0.8)
        if close:
            row = int(np.flatnonzero(label == other)[0])
            raise UserError(f"{file}, array label ({names[row]}): expected {close[0]!r}, found {other!r}")
    if others:
        notes.append(f"emotions beside the seven of CK+: {', '.join(others)}")
    if absent := [name for name in EMOTIONS if name not in label]:
        notes.append(f"none of {', '.join(absent)}")


def _triangles(file: Path, arrays: dict[str, NDArray[Any]], landmarks: Floats, notes: list[str]) -> Indices:
    if "triangles" not in arrays:
        notes.append(
            "no triangles in the file: a Delaunay triangulation of the mean face seen from the front serves; "
            "`prepare meshes` writes FaceMesh's own"
        )
        return front_triangles(landmarks)
    given = arrays["triangles"]
    if given.ndim != 2 or given.shape[1] != 3 or not len(given) or given.dtype.kind not in "iu":
        raise UserError(f"{file}, array triangles: expected whole numbers (f, 3), found {given.dtype} {given.shape}")
    if given.min() < 0 or given.max() >= VERTICES:
        raise UserError(
            f"{file}, array triangles: expected rows of the {VERTICES} vertices, 0 … {VERTICES - 1}, found "
            f"{given.min()} … {given.max()}"
        )
    return given.astype(np.int64)
