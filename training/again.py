"""A final run taken up again: its data read and split as then, its model loaded, and what is found added to it."""

from __future__ import annotations

import itertools
import json
import shlex
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from affect.record import Artifact, Kind
from training import cache, launch, protocols, registry
from training.contract import Fitted, Job, Outcome, UserError
from training.study import fitting, provenance
from training.study.plan import named

if TYPE_CHECKING:
    from training.contract import Split
    from training.protocols import Protocol
    from training.tracking.store import RunInfo, Store


def activations(store: Store, name: str, root: Path | None, device: str) -> tuple[RunInfo, list[str]]:
    """Compute a run's activation maps anew, add them to it, and return the run and the files that were written.

    `root` is where its data is now, where that is another place than the run's command line says. UserError where the
    run shows no activations, or its data is not there or is not what the run saw.
    """
    info, model = launch.trained(store, name, device)
    evaluation = registry.evaluation("activations")
    module = registry.method(info.tags["method"])
    if info.tags.get("kind") != Kind.FINAL or not evaluation.applies(module.METHOD):
        raise UserError(
            f"run {info.id[:8]} ({info.name}) is of {info.tags['method']}; expected a final run of a method of meshes, "
            "whose activations can be drawn"
        )
    protocol, settings = protocol_of(store, info, root), json.loads(info.tags["settings"])

    def refit(split: Split) -> Outcome:
        raise NotImplementedError(f"a run that is taken up again is not fitted on {len(split.train)} samples")

    with tempfile.TemporaryDirectory() as checkpoint:
        found = evaluation.evaluate(
            Fitted(
                method=module.METHOD,
                data=protocol.data,
                split=protocol.split(module.METHOD, settings, test=True),
                truth=protocol.truth(),
                labels=protocol.labels(),
                test_sample=protocol.data.sample[protocol.rows("test")],
                params=info.params,
                job=Job(
                    settings=settings,
                    seed=int(info.tags["seed"]),
                    device=provenance.device(device),
                    report=fitting.quiet,
                    cache=cache.folder() / "prepared",
                    checkpoint=Path(checkpoint),
                    threads=launch.threads(0),
                ),
                outcome=Outcome(model, {}),
                refit=refit,
            )
        )
    if Artifact.ACTIVATIONS not in found.tables:
        raise UserError(f"run {info.id[:8]} ({info.name}): its model shows nothing of what it looks at")
    store.add(info.id, found.tables, found.metrics)
    return info, sorted(found.tables)


def protocol_of(store: Store, info: RunInfo, root: Path | None) -> Protocol:
    """Read a run's data again and split it as the run's split.parquet says; UserError where it is not the same."""
    import pandas as pd

    tags = info.tags
    root = root or _option(tags["command"], "--root")
    reader = registry.dataset(tags["reader"])
    if root is not None and not root.exists():
        raise UserError(f"the data of run {info.id[:8]} is not at {root}; say where it is by --root")
    data = named(reader.read(root, json.loads(tags["settings"])), tags["dataset"])
    if data.version != tags["data_version"]:
        where = "" if root is None else f" in {root}"
        raise UserError(
            f"the data{where} has changed: expected {tags['dataset']} of version {tags['data_version']}, which run "
            f"{info.id[:8]} was fitted on, found {data.version}"
        )
    file = store.artifacts(info.id) / Artifact.SPLIT
    if not file.is_file():
        raise UserError(f"run {info.id[:8]} has no {Artifact.SPLIT}: {file} is missing")
    parts = pd.read_parquet(file).drop_duplicates("group").set_index("group")["part"].to_dict()
    method, published = registry.method(tags["method"]).METHOD, {str(g): str(p) for g, p in parts.items()}
    protocol = protocols.for_method(method, data, json.loads(tags["settings"]), published=published)
    if protocol.split_id != tags["split"]:
        raise UserError(f"run {info.id[:8]}: its {Artifact.SPLIT} is not the split that the run is tagged with")
    return protocol


def _option(command: str, option: str) -> Path | None:
    """Return the path that a command line gives for an option, None where it has none."""
    words = shlex.split(command)
    for word, after in itertools.pairwise([*words, ""]):
        if word == option and after:
            return Path(after)
        if word.startswith(f"{option}="):
            return Path(word.partition("=")[2])
    return None
