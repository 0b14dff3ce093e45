"""``evaluate``: compute an evaluation of a finished final run, and add its results to the run."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from training.commands import _options as options
from training.commands._console import console, warn
from training.contract import UserError

if TYPE_CHECKING:
    from training.contract import Evaluation, Findings
    from training.tracking.store import RunInfo, Store


def evaluate(
    run: options.Run,
    name: Annotated[str, typer.Argument(metavar="NAME", help="An evaluation: a file of training/evaluation")],
    root: options.Root = None,
    device: options.Device = "auto",
) -> None:
    """Compute an evaluation of a finished final run, and add its results to the run. Its data is reloaded."""
    from training.tracking.store import Store

    info, files = add(Store.open(), run, name, root, device)
    console().print(f"{info.id[:8]} ({info.name}): {', '.join(files) or 'metrics'} written", markup=False)


def activations(run: options.Run, root: options.Root = None, device: options.Device = "auto") -> None:
    """Former name of `evaluate RUN activations`."""
    warn([f"activations is now called: python -m training evaluate {run} activations"])
    evaluate(run, "activations", root, device)


def add(store: Store, run: str, name: str, root: Path | None, device: str) -> tuple[RunInfo, list[str]]:
    """Compute the evaluation `name` of a run, add it to the run, and return the run and the files that were written.

    `root` is where its data is now, where that is another place than the run's record says. UserError where the
    evaluation does not apply to the run or finds nothing in it, or its data is not there or is not what the run saw.
    """
    from affect.record import Artifact, Kind
    from training import registry
    from training.commands import _final, _model
    from training.study import scoring

    evaluation = registry.evaluation(name)
    info, model = _model.load(store, run, device)
    module = registry.method(info.tags["method"])
    if info.tags.get("kind") != Kind.FINAL or not evaluation.applies(module.METHOD):
        raise UserError(
            f"run {info.id[:8]} ({info.name}) is a {info.tags.get('kind')} run of {info.tags['method']}; {name} is "
            f"computed for a final run of a method that it applies to: {', '.join(_methods(evaluation)) or 'none'}"
        )
    protocol = _final.protocol(store, info, root)
    with tempfile.TemporaryDirectory() as checkpoint:
        final = _final.Final(store, info, module, model, protocol, Path(checkpoint), device)
        fitted = final.fitted(evaluation)
        findings: Findings = evaluation.evaluate(fitted)
    if not findings.tables and not findings.metrics:
        raise UserError(f"run {info.id[:8]} ({info.name}): {name} finds nothing to compute in it")
    tables = dict(findings.tables)
    if findings.embeddings:
        codes = {**fitted.outcome.embeddings, **findings.embeddings}
        tables[Artifact.EMBEDDINGS] = scoring.embeddings_table(protocol, codes)
    store.add(info.id, tables, findings.metrics)
    return info, sorted(tables)


def _methods(evaluation: Evaluation) -> list[str]:
    from training import registry

    return [name for name in registry.methods() if evaluation.applies(registry.method(name).METHOD)]
