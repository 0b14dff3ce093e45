"""Small trees of images in the published layouts of face sets, drawn by the synthetic world: for tests."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from affect import circumplex
from tests import small_data


def faces(n: int) -> list[tuple[Image.Image, str, str, np.ndarray]]:
    """Return n images with emotion, person and va (2,), of several persons and emotions each."""
    data = small_data.data("faces")
    rows = np.linspace(0, len(data.sample) - 1, n).astype(int)
    return [
        (
            Image.fromarray(data.blocks["images"].values[row].transpose(1, 2, 0)),
            circumplex.name(data.label[row]),
            str(data.group[row]),
            data.blocks["va"].values[row],
        )
        for row in rows
    ]


def save(image: Image.Image, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return path


def table(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def labelled_folder(folder: Path, n: int = 20, *, person: bool = False, va: bool = False) -> Path:
    """Write images/ and legend.csv, spelt in mixed case as such files are, and return the folder."""
    rows = []
    for i, (image, emotion, who, at) in enumerate(faces(n)):
        name = f"face_{i:03d}.png"
        save(image, folder / "images" / name)
        row: dict[str, Any] = {"user.id": "annotator", "Image": name, "emotion": emotion.title() if i % 2 else emotion}
        rows.append(row | ({"person": who} if person else {}) | ({"Valence": at[0], "Arousal": at[1]} if va else {}))
    table(folder / "legend.csv", rows)
    return folder


def imfdb(folder: Path, n: int = 24) -> Path:
    """Write <actor>/<movie>/<movie>.txt and its images/, and return the folder."""
    for i, (image, emotion, who, _) in enumerate(faces(n)):
        if emotion == "boredom":
            emotion = "neutral"
        movie = folder / who.replace(" ", "") / f"Film{i % 2}"
        name = f"{movie.parent.name}_{i}.jpg"
        save(image, movie / "images" / name)
        fields = ["001", str(i), name, "1", movie.name, "2000", movie.name, movie.parent.name, "F", "YOUNG", "FRONTAL"]
        with (movie / f"{movie.name}.txt").open("a") as stream:
            stream.write("\t".join([*fields, emotion.upper(), "MEDIUM", "FRONTAL", "NONE", "OVER"]) + "\n")
    return folder


def afew_va(folder: Path, clips: int = 8, frames: int = 3, *, landmarks: bool = True) -> Path:
    """Write NNN/NNN.json with frames NNN/00000.png, each a face in a larger image, and return the folder."""
    made = iter(faces(clips * frames))
    for clip in range(1, clips + 1):
        labels = {}
        for frame in range(frames):
            image, _, _, va = next(made)
            scene = Image.new("RGB", (160, 120), "grey")
            scene.paste(image, (40, 20))
            save(scene, folder / f"{clip:03d}" / f"{frame:05d}.png")
            labels[f"{frame:05d}"] = {"arousal": float(round(10 * va[1])), "valence": float(round(10 * va[0]))}
            if landmarks:
                labels[f"{frame:05d}"]["landmarks"] = [[50, 30], [94, 30], [72, 76]]
        content = {"actor": "", "frames": labels, "video_id": f"{clip:03d}"}
        (folder / f"{clip:03d}" / f"{clip:03d}.json").write_text(json.dumps(content))
    return folder


def affectnet_row(name: str, expression: int, valence: float, arousal: float) -> dict[str, Any]:
    box = {"face_x": 40, "face_y": 20, "face_width": 64, "face_height": 64}
    rest = {"facial_landmarks": "50;30;94;30", "expression": expression, "valence": valence, "arousal": arousal}
    return {"subDirectory_filePath": name, **box, **rest}


def affectnet(folder: Path, n: int = 20, name: str = "training.csv", start: int = 0) -> Path:
    """Write a CSV and its images, n faces that serve and three rows that do not, and return the CSV."""
    order = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt")
    rows = []
    for i, (image, emotion, _, va) in enumerate(faces(start + n)[start:]):
        # photographs from the web have nothing in common
        blocks = np.random.default_rng(start + i).integers(0, 256, (5, 6, 3), dtype=np.uint8)
        scene = Image.fromarray(blocks).resize((160, 120))
        scene.paste(image, (40, 20))
        image = f"{i % 3}/{name[:2]}{i}.png"
        save(scene, folder / "images" / image)
        rows.append(affectnet_row(image, order.index(emotion) if emotion in order else 0, *va))
    rows += [
        affectnet_row("0/none.png", 8, -2, -2),
        affectnet_row("0/noface.png", 10, -2, -2),
        affectnet_row("0/unrated.png", 1, -2, -2),
    ]
    return table(folder / name, rows)


def aff_wild(folder: Path, frames: str, labels: str, videos: dict[str, tuple[int, ...]]) -> Path:
    """Write the faces and labels of sequences, name → numbers of its frames with a face, and return the folder."""
    made = iter(faces(sum(map(len, videos.values()))))
    for name, numbers in videos.items():
        lines = []
        for number in numbers:
            image, _, _, va = next(made)
            save(image, folder / frames / name / f"{number:07d}.png")
            lines.append(f"{va[0]:.3f} {va[1]:.3f}\n")
        (folder / labels).mkdir(exist_ok=True)
        (folder / labels / f"{name}.txt").write_text("".join(lines))
    return folder
