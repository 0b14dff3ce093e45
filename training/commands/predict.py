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
    from training.tracking.store import Store


def predict(
    run: options.Run,
    file: Annotated[Path, typer.Argument(help="File with the method's inputs; for meshes and faces also images.")],
    out: Annotated[Path | None, typer.Option(help="CSV to write; by default it goes to the terminal.")] = None,
    device: options.Device = "auto",
) -> None:
    """Predict for new data with a run's model. Of a study, its first final run is taken."""
    from training.tracking.store import Store

    write(Store.open(), run, file, out, device)
    if out is not None:
        console().print(f"predictions written to {out}", markup=False)


def write(store: Store, name: str, file: Path, out: Path | None, device: str) -> None:
    """Read the method's inputs from `file`, predict with the run's model, and write a CSV row per row of it."""
    import numpy as np
    import pandas as pd

    from affect.record import Artifact
    from training import cache, input_ranges, registry, views
    from training.commands import _model

    if out is not None:
        cache.check_new(out, "--out")
    info, model = _model.load(store, name, device)
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
    columns: dict[str, Any] = {**new.names}
    classes, targets = json.loads(tags.get("classes", "[]")), json.loads(tags["targets"])
    if classes:
        columns[f"pred_{targets[0]}"] = np.array(classes)[np.argmax(predictions, axis=1)]
    for i, name in enumerate(classes or targets):
        columns[f"prob_{name}" if classes else f"pred_{name}"] = np.asarray(predictions[:, i], dtype=float)
    table = pd.DataFrame(columns)
    if out is None:
        table.to_csv(sys.stdout, index=False)
    else:
        with cache.whole(out) as part:
            table.to_csv(part, index=False)


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
