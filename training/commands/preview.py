"""``preview``: a run's model on a video or a camera."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from training.commands import _options as options
from training.commands._console import console, warn
from training.contract import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from training.contract import Model
    from training.tracking.store import RunInfo, Store


def preview(
    run: options.Run,
    recording: Annotated[
        Path | None, typer.Option("--bvh", metavar="FILE", help="A recording of motion capture; needs --out.")
    ] = None,
    video: Annotated[Path | None, typer.Option(metavar="FILE", help="A video.")] = None,
    camera: Annotated[int | None, typer.Option(min=0, metavar="N", help="A camera: 0 is the first.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.mp4", help="Video to write, in place of the page; of a BVH also .html.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page on this machine; 0: any.")] = 8502,
    device: options.Device = "auto",
) -> None:
    """Show a run's model at work on a video or a camera: mesh, class and probabilities on each frame.

    A page on this machine shows the frames; with --out a video is written. Of a run that reads valence and arousal from
    images of faces a video is written, with both drawn on its frames. Of a recording of motion capture (--bvh) the
    moving figure and the predicted pleasure, arousal and dominance are written.
    """
    from training.tracking.store import Store

    if recording is not None:
        if video is not None or camera is not None or out is None:
            raise UserError("--bvh FILE goes with --out FILE.mp4 or FILE.html, and with no video or camera")
        moving(Store.open(to_read=True), run, recording, out, device, console())
        return
    source = video if video is not None else camera
    if source is None or (video is not None and camera is not None):
        raise UserError("name what to look at: --video FILE or --camera 0")
    show(Store.open(to_read=True), run, source, out, port, device, console())


def on_video(store: Store, info: RunInfo, model: Model, source: Path, out: Path, console: Console) -> None:
    """Write a video with what a run's model reads from its faces, valence and arousal, drawn on each frame."""
    from training import cache
    from training.video import predicting

    cache.check_new(out, "--out")
    if out.suffix.lower() != ".mp4":
        raise UserError(f"--out {out}: expected a name that ends in .mp4")
    targets = json.loads(info.tags["targets"])
    if info.tags.get("classes", "[]") != "[]" or not {"valence", "arousal"} <= {*targets}:
        raise UserError(
            f"run {info.id[:8]} predicts {', '.join(targets)}; expected one that predicts valence and arousal"
        )
    origin = "SYNTHETIC data" if info.tags["synthetic"] == "true" else info.tags["dataset"]
    rate = predicting.rate_of(store, info)
    predicted = predicting.predict(info, model, source, rate, console)
    warn(predicted.sentences())
    count, silent = predicting.preview(predicted, targets, f"learnt from {origin}", out, console)
    if silent:
        warn([f"{source.name}: {silent}"])
    console.print(f"{count} frames written to {out}", markup=False)


def moving(store: Store, name: str, recording: Path, out: Path, device: str, console: Console) -> None:
    """Write a recording's moving figure with what a run's regressor of motion features reads from it."""
    import numpy as np

    from training import registry
    from training.commands import _model
    from training.motion_capture import preview
    from training.views import single

    info, model = _model.load(store, name, device)
    settings = json.loads(info.tags["settings"])
    method = registry.method(info.tags["method"]).METHOD
    if method.blocks(settings) != ("features",) or method.targets != "pad":
        raise UserError(
            f"run {info.id[:8]} is of {info.tags['method']}, whose input is {info.tags['inputs']}; expected a run that "
            "predicts pleasure, arousal and dominance from features of motion, as those of motion/lma_to_pad do"
        )
    new = registry.dataset("lma").read_inputs(recording, ("features",), settings)
    predictions = np.asarray(model.predict(single(new.blocks["features"].values)), float)
    time = np.array([float(text) for text in new.names["time"]])
    half = (time[1] - time[0]) / 2 if len(time) > 1 else 0.5
    origin = "SYNTHETIC data" if info.tags["synthetic"] == "true" else info.tags["dataset"]
    caption = f"{recording.name}, learnt from {origin}"
    count = preview.write(recording, time + half, predictions, json.loads(info.tags["targets"]), caption, out)
    console.print(f"{count} frames written to {out}", markup=False)


def show(
    store: Store, name: str, source: Path | int, out: Path | None, port: int, device: str, console: Console
) -> None:
    """Show on the frames of a video or a camera what a run predicts: classes of meshes, or valence and arousal."""
    from training.commands import _model
    from training.facemesh import preview
    from training.video import predicting

    info, model = _model.load(store, name, device)
    if predicting.takes_video(info):
        if not isinstance(source, Path) or out is None:
            raise UserError(f"run {info.id[:8]} reads images of faces: name --video FILE and --out FILE.mp4")
        on_video(store, info, model, source, out, console)
        return
    classes = json.loads(info.tags.get("classes", "[]"))
    if "landmarks" not in info.tags["inputs"] or not classes:
        raise UserError(
            f"run {info.id[:8]} is of {info.tags['method']}, whose input is {info.tags['inputs']}; expected a run that "
            "predicts classes from meshes, as those of meshes/… do"
        )
    origin = "SYNTHETIC data" if info.tags["synthetic"] == "true" else info.tags["dataset"]
    count = preview.preview(model, classes, f"learnt from {origin}", source, out, port, console)
    if out is not None:
        console.print(f"{count} frames written to {out}", markup=False)
