"""``prepare``: turn recordings and images into files that a data set is read from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.commands import _options as options
from training.commands._console import console, warn

app = typer.Typer(no_args_is_help=True, help="Turn recordings and images into files that a data set is read from.")


@app.command()
def meshes(
    images: options.Images,
    out: Annotated[Path, typer.Argument(metavar="OUT.npz", help="File to write, which the data set ckplus reads")],
    last: options.Last = 0.2,
) -> None:
    """Find the faces in images by FaceMesh. The first time MediaPipe gets an environment of its own in the cache."""
    from training.prepare.meshes import export

    count = export(images, out, console(), last)
    console().print(f"{count} meshes written to {out}", markup=False)


@app.command()
def transfer(
    anchor: options.Anchor,
    target: options.Target,
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="CSV to write; it serves as --root of the target's reader.")
    ],
    anchor_root: options.AnchorRoot = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
) -> None:
    """Transfer valence and arousal from an annotated set to images that have only an emotion."""
    from training.prepare import transfer

    done = transfer.run(anchor, anchor_root, target, out, seed)
    shown = console()
    for emotion, count in sorted(done.rows.items()):
        shown.print(f"{count:7,} {emotion}", markup=False)
    for why, count in done.skipped.items():
        shown.print(f"{count:7,} skipped: {why}", markup=False)
    shown.print(f"labels written to {done.labels}, the ellipses to {done.ellipses}", markup=False, soft_wrap=True)


@app.command()
def motion(
    files: Annotated[list[Path], typer.Argument(metavar="FILES|FOLDER… OUT.csv", help="BVH recordings, and the table")],
    preset: Annotated[
        str,
        typer.Option(
            help="published: the features of the published table, quirks included (a window of 1 s at 120 fps holds .8 "
            "s; avg_neck_rotation_w holds x; elbow_hip is to the chest). plain: the same quantities on the recording's "
            "own skeleton, by its height."
        ),
    ] = "plain",
    skeleton: Annotated[
        str | None,
        typer.Option(metavar="PRESET|FILE.toml", help="walk, cmu, bandai, or a file that names the joints"),
    ] = None,
    scale: Annotated[
        float | None, typer.Option(min=0, metavar="M", help="Metres in the file's unit (published alone needs it).")
    ] = None,
    window: Annotated[float, typer.Option(min=0.01, metavar="S", help="Seconds of a window.")] = 1.0,
    hop: Annotated[
        float | None, typer.Option(min=0.01, metavar="S", help="Seconds between windows; default: one after the other.")
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="CSV with clip (the file without its ending), label, EMOTION_P, _A, _D."),
    ] = None,
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0: one a core.")] = 0,
) -> None:
    """Turn motion capture (BVH) into the table of LMA features that the data set lma reads."""
    import os

    from training.contract import UserError
    from training.prepare import motion

    *sources, out = files
    if not sources or not out.name.endswith((".csv", ".csv.gz")):
        raise UserError(f"{out}: expected recordings, and at the end a name that ends in .csv or .csv.gz")
    options = motion.Options(preset, motion.skeleton(skeleton), scale, window, hop or window)
    shown = console()
    done = motion.run(sources, out, options, labels, workers or os.cpu_count() or 1, shown)
    for sentence in motion.sentences(done, preset):
        shown.print(sentence, markup=False, soft_wrap=True)
    rows = f"{done.rows:,} windows of {done.recordings:,} recordings written to {out}"
    shown.print(rows, markup=False, soft_wrap=True)


@app.command()
def embeddings(
    sources: Annotated[list[Path], typer.Argument(metavar="RECORDING…", help="Sound files, videos, folders of them.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder of the CSV files that `embeddings` reads.")],
    sound: Annotated[
        str | None, typer.Option(help="egemaps or librosa; needs the packages of requirements-sound.txt.")
    ] = None,
    frames: Annotated[
        str | None, typer.Option(metavar="RUN", help="A run of frames/…, whose penultimate layer sees the videos.")
    ] = None,
    windows: Annotated[
        str, typer.Option(metavar="S,S", help="Lengths of the windows of sound, in seconds.")
    ] = "1,2,3,4",
    rate: Annotated[float, typer.Option(min=0.1, max=1000, help="Frames a second that are taken of a video.")] = 5.0,
    device: options.Device = "auto",
) -> None:
    """Measure the sound and the frames of recordings: features for the fusion methods."""
    from training.commands import _model
    from training.contract import UserError
    from training.prepare import embeddings
    from training.tracking.store import Store

    try:
        lengths = [float(text) for text in windows.split(",")]
    except ValueError:
        raise UserError(f"--windows {windows!r}: expected lengths in seconds, such as 1,2,4") from None
    video = None if frames is None else _model.load(Store.open(), frames, device)
    done = embeddings.run(sources, out, measure=sound, video=video, lengths=lengths, rate=rate)
    warn(done.sentences())
    for file, count in done.rows.items():
        console().print(f"{count:7,} rows written to {file}", markup=False, soft_wrap=True)


# ------------------------------------------------------------------------------------------------- former names


def export_meshes(
    images: options.Images,
    out: Annotated[Path, typer.Argument(metavar="OUT.npz", help="File to write, which the data set ckplus reads")],
    last: options.Last = 0.2,
) -> None:
    """Former name of `prepare meshes`."""
    warn(["export-meshes is now called: python -m training prepare meshes"])
    meshes(images, out, last)


def former_transfer(
    anchor: options.Anchor,
    target: options.Target,
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="CSV to write; it serves as --root of the target's reader.")
    ],
    anchor_root: options.AnchorRoot = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
) -> None:
    """Former name of `prepare transfer`."""
    warn(["transfer is now called: python -m training prepare transfer"])
    transfer(anchor, target, out, anchor_root, seed)
