"""``predict``: a run's model on new data."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from training.commands import _options as options
from training.commands._console import console, warn
from training.contract import UserError
from training.model_protocols import KeepsColumns

if TYPE_CHECKING:
    from training.contract import Model
    from training.data import Floats
    from training.tracking.store import RunInfo, Store


def predict(
    run: options.Run,
    file: Annotated[
        Path, typer.Argument(help="File with the method's inputs; for meshes, faces and frames also images or a video.")
    ],
    out: Annotated[Path | None, typer.Option(help="CSV to write; by default it goes to the terminal.")] = None,
    device: options.Device = "auto",
) -> None:
    """Predict for new data with a run's model. Of a study, its first final run is taken.

    A video is brought to the rate that the run was trained on; its faces are found and cut as by ``prepare frames``.
    """
    from training.tracking.store import Store

    write(Store.open(to_read=True), run, file, out, device)
    if out is not None:
        console().print(f"predictions written to {out}", markup=False)


def write(store: Store, name: str, file: Path, out: Path | None, device: str) -> None:
    """Read the method's inputs from `file`, predict with the run's model, and write a CSV row per row of it."""
    import numpy as np
    import pandas as pd

    from training import cache
    from training.commands import _model
    from training.image_files import VIDEOS
    from training.video import predicting

    if out is not None:
        cache.check_new(out, "--out")
    info, model = _model.load(store, name, device)
    tags = info.tags
    if file.suffix.lower() in VIDEOS and predicting.takes_video(info):
        columns, predictions = _of_video(store, info, model, file)
    else:
        columns, predictions = _of_rows(store, info, model, file)
    classes, targets = json.loads(tags.get("classes", "[]")), json.loads(tags["targets"])
    if classes:
        # a frame without a face has no probabilities, and no class
        best = np.argmax(np.nan_to_num(predictions), axis=1)
        columns[f"pred_{targets[0]}"] = np.where(np.isnan(predictions).any(axis=1), "", np.array(classes)[best])
    for i, name in enumerate(classes or targets):
        columns[f"prob_{name}" if classes else f"pred_{name}"] = np.asarray(predictions[:, i], dtype=float)
    table = pd.DataFrame(columns)
    if out is None:
        table.to_csv(sys.stdout, index=False)
    else:
        with cache.whole(out) as part:
            table.to_csv(part, index=False)


def _of_rows(store: Store, info: RunInfo, model: Model, file: Path) -> tuple[dict[str, Any], Floats]:
    """Return what names each row that the run's reader finds in `file`, and the predictions (n, t)."""
    from affect.record import Artifact
    from training import input_ranges, registry, views

    tags = info.tags
    reader = registry.dataset(tags["reader"])
    method, settings = registry.method(tags["method"]).METHOD, json.loads(tags["settings"])
    blocks = method.blocks(settings)
    new = reader.read_inputs(file, blocks, settings)
    warn(new.skipped)
    seconds = method.seconds(settings)
    try:
        inputs = views.inputs(new.blocks, blocks, len(new), new.sequence, new.time, seconds)
    except ValueError as error:
        raise UserError(f"{file}, read as {tags['reader']}: {error}") from None
    if isinstance(model, KeepsColumns):
        for block, names in model.input_columns.items():
            _check_columns(file, block, names, views.find(new.blocks, block, seconds).columns)
    described = {block: views.find(new.blocks, block, seconds) for block in blocks}
    warn(input_ranges.compare(store.artifacts(info.id) / Artifact.MODEL, inputs, described))
    predictions = model.predict(inputs)
    return {**new.names}, predictions


def _of_video(store: Store, info: RunInfo, model: Model, file: Path) -> tuple[dict[str, Any], Floats]:
    """Return what names each face in each frame of a video, and the predictions (n, t), NaN where there is no face."""
    import numpy as np
    from rich.console import Console

    from training.video import predicting

    predicted = predicting.predict(info, model, file, predicting.rate_of(store, info), Console(stderr=True))
    if not len(predicted.frame):
        raise UserError(f"{file}: found no face in any of its {len(predicted.seen.time):,} frames")
    warn(predicted.sentences())
    columns, row = predicted.columns()
    return columns, np.where(row[:, None] < 0, np.nan, predicted.values[row])


def _check_columns(file: Path, block: str, expected: tuple[str, ...], found: tuple[str, ...]) -> None:
    """Raise UserError where a block has other columns than the model was fitted on, or has them in another order."""
    if found == expected:
        return
    place = next((i for i, (one, other) in enumerate(zip(expected, found, strict=False)) if one != other), None)
    first = "" if place is None else f"; column {place + 1} is {found[place]!r}, expected {expected[place]!r}"
    raise UserError(
        f"{file}: the run was fitted on {len(expected)} columns of {block}, found {len(found)}; expected the same ones "
        f"in the same order{first}"
    )
