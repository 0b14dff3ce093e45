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

    from training import cache, registry, views
    from training.commands import _model

    if out is not None and out.exists():
        raise UserError(f"--out {out}: the file is there already")
    if out is not None and not out.absolute().parent.is_dir():
        raise UserError(f"--out {out}: there is no folder {out.absolute().parent}")
    info, model = _model.load(store, name, device)
    tags = info.tags
    reader = registry.dataset(tags["reader"])
    method, settings = registry.method(tags["method"]).METHOD, json.loads(tags["settings"])
    blocks = method.blocks(settings)
    new = reader.read_inputs(file, blocks, settings)
    warn(new.skipped)
    try:
        inputs = views.inputs(new.blocks, blocks, len(new), new.sequence, new.time, method.seconds(settings))
    except ValueError as error:
        raise UserError(f"{file}, read as {tags['reader']}: {error}") from None
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
