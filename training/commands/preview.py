"""``preview``: a run's model on a video or a camera."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from training.commands import _options as options
from training.commands._console import console
from training.contract import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from training.tracking.store import Store


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

    A page on this machine shows the frames; with --out a video is written. Of a recording of motion capture (--bvh) the
    moving figure and the predicted pleasure, arousal and dominance are written.
    """
    from training.tracking.store import Store

    if recording is not None:
        if video is not None or camera is not None or out is None:
            raise UserError("--bvh FILE goes with --out FILE.mp4 or FILE.html, and with no video or camera")
        moving(Store.open(), run, recording, out, device, console())
        return
    source = video if video is not None else camera
    if source is None or (video is not None and camera is not None):
        raise UserError("name what to look at: --video FILE or --camera 0")
    show(Store.open(), run, source, out, port, device, console())


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
    """Show the classes that a run's classifier of meshes predicts on the frames of a video or a camera."""
    from training.commands import _model
    from training.facemesh import preview

    info, model = _model.load(store, name, device)
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
