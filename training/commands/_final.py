"""A finished final run, reloaded for evaluations: its data and split, its model, its codes."""

from __future__ import annotations

import itertools
import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from affect.record import PARTS, PICTURE, Artifact
from training import cache, json_files, leaks, protocols, registry
from training.commands import _model
from training.commands._plan import threads
from training.contract import Fitted, Job, Outcome, UserError
from training.model_protocols import Decodes
from training.splits import TEST, TRAIN
from training.study import fitting, plan, provenance

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from training.contract import Evaluation, Method, Model, Settings
    from training.data import Dataset, Floats, Split
    from training.protocols import Protocol
    from training.tracking.store import RunInfo, Store


@dataclass(frozen=True)
class Final:
    """A final run with its model, and its data split as it was when the run was fitted."""

    store: Store
    info: RunInfo
    module: ModuleType
    model: Model
    protocol: Protocol
    checkpoint: Path
    device: str

    @property
    def method(self) -> Method:
        """Return what the run's method declares."""
        declared: Method = self.module.METHOD
        return declared

    @property
    def settings(self) -> Settings:
        """Return the settings of the run's study."""
        values: Settings = json.loads(self.info.tags["settings"])
        return values

    def fitted(self, evaluation: Evaluation) -> Fitted:
        """Return the inputs of an evaluation: predictions of the reloaded model, and codes from the run's files."""
        split = self.protocol.split(self.method, self.settings, test=True)
        bench, seed = self._bench(), int(self.info.tags["seed"])
        own = self._prerequisites(self.method.needed(self.settings))
        needed = self._prerequisites(evaluation.prerequisites)
        embeddings = self._embeddings()
        outcome = Outcome(
            model=self.model,
            predictions={name: self.model.predict(part.inputs) for name, part in split.parts().items()},
            images=self._images(embeddings),
            embeddings=embeddings,
        )

        def refit(other: Split) -> Outcome:
            # as the study's own refits are: the method scores itself on the validation part that it is given
            return fitting.refit(
                self,
                bench,
                plan.parameters(self.info.params, registry.space(self.info.tags["method"])),
                other,
                seed,
                steps=self._steps(),
                checkpoint=self.checkpoint,
                listener=fitting.unrecorded(),
                prerequisites=own,
            ).outcome

        return Fitted(
            method=self.method,
            data=self.protocol.data,
            split=split,
            truth=self.protocol.truth(),
            labels=self.protocol.labels(),
            test_sample=self.protocol.data.sample[self.protocol.rows("test")],
            job=Job(
                settings=bench.settings,
                seed=seed,
                device=bench.device,
                report=fitting.quiet,
                cache=bench.cache,
                checkpoint=self.checkpoint,
                epochs=bench.epochs,
                threads=bench.threads,
                prerequisites={**own, **needed},
                direction=self.method.direction,
            ),
            outcome=outcome,
            refit=refit,
        )

    def _bench(self) -> fitting.Bench:
        epochs, asked = option(self.info, "epochs"), option(self.info, "threads")
        return fitting.Bench(
            settings=self.settings,
            device=provenance.device(self.device),
            threads=threads(int(asked or 0)),
            epochs=None if epochs is None else int(epochs),
            cache=cache.folder() / "prepared",
            data_version=self.protocol.data.version,
        )

    def _steps(self) -> list[int] | None:
        """Return the epochs or rounds that the run took on train and validation; None where validation stopped it."""
        tags = self.info.tags
        if tags.get("refit") != "all":
            return None
        if "steps" not in tags:
            raise UserError(
                f"run {self.info.id[:8]} ({self.info.name}) was fitted on train and validation for a number of epochs "
                "that an earlier Affectory did not record, so that it cannot be fitted again; run its study anew"
            )
        steps: list[int] = json.loads(tags["steps"])
        return steps

    def _prerequisites(self, wanted: Mapping[str, str]) -> dict[str, Any]:
        """Return name → model of each prerequisite, loaded from the runs that the run names."""
        runs = json.loads(self.info.tags.get("needs") or "{}")
        models = {}
        for name, method in wanted.items():
            if name not in runs:
                raise UserError(
                    f"run {self.info.id[:8]} ({self.info.name}) names no fitted {method}, which is needed as {name}"
                )
            models[name] = _model.load(self.store, runs[name], self.device)[1]
        return models

    def _embeddings(self) -> dict[str, dict[str, Floats]]:
        """Return code → part → (n, d) from the run's embeddings.parquet, in the order of the parts."""
        file = self.store.artifacts(self.info.id) / Artifact.EMBEDDINGS
        if not file.is_file():
            return {}
        data = self.protocol.data
        order = {part: data.sample[self.protocol.rows(part)] for part in PARTS}
        embeddings: dict[str, dict[str, Floats]] = {}
        for (code, part), rows in pd.read_parquet(file).groupby(["code", "part"], sort=False):
            table = rows.set_index("sample").drop(columns=["code", "part"]).dropna(axis=1, how="all")
            values = table.reindex(order[str(part)]).to_numpy(np.float32)
            embeddings.setdefault(str(code), {})[str(part)] = values
        return embeddings

    def _images(self, embeddings: dict[str, dict[str, Floats]]) -> dict[str, Any]:
        """Return part → the images that the model reconstructs from its codes, where that is part of the method."""
        model = self.model
        if PICTURE not in self.method.objective_weights or not embeddings or not isinstance(model, Decodes):
            return {}
        codes = {part: {name: parts[part] for name, parts in embeddings.items()} for part in ("validation", "test")}
        return {part: model.decode(values) for part, values in codes.items()}


def protocol(store: Store, info: RunInfo, root: Path | None) -> Protocol:
    """Reload a run's data and split it as in the run's split.parquet; UserError where the data has changed."""
    tags = info.tags
    if root is None and (recorded := option(info, "root")) is not None:
        root = Path(recorded)
    if root is not None and not root.exists():
        raise UserError(f"the data of run {info.id[:8]} is not at {root}; say where it is by --root")
    settings = json.loads(tags["settings"])
    data = plan.named(plan.DataSets().read(tags["reader"], root, settings), tags["dataset"])
    if data.version != tags["data_version"]:
        where = "" if root is None else f" in {root}"
        raise UserError(
            f"the data{where} has changed: expected {tags['dataset']} of version {tags['data_version']}, which run "
            f"{info.id[:8]} was fitted on, found {data.version}"
        )
    method = registry.method(tags["method"]).METHOD
    if tags.get("group_kind", data.group_kind) != data.group_kind:  # its split divided the groups
        data = leaks.regrouped(data, _split(store, info)["group"].astype(str))
    protocol = protocols.for_method(method, data, settings, published=_parts(store, info, data))
    if protocol.split_id != tags["split"]:
        raise UserError(f"run {info.id[:8]}: its {Artifact.SPLIT} is not the split that the run is tagged with")
    return protocol


def _parts(store: Store, info: RunInfo, data: Dataset) -> dict[str, str]:
    """Return group → part of a run. split.parquet has the groups with labels; the others are in train or left out."""
    table = _split(store, info).drop_duplicates("group")
    file = store.artifacts(info.id) / Artifact.DATA_SUMMARY
    left_out = (json_files.read(file) if file.is_file() else {}).get("groups_left_out")
    if left_out is not None:
        parts = dict.fromkeys(data.group.tolist(), TRAIN) | dict.fromkeys(left_out, TEST)
    else:  # of an earlier Affectory: left out was what the data's own split has elsewhere
        own = {} if "fold" in info.tags else data.published_split or {}
        parts = {group: own.get(group, TRAIN) for group in np.unique(data.group).tolist()}
    return parts | dict(zip(table["group"].astype(str), table["part"].astype(str), strict=True))


def _split(store: Store, info: RunInfo) -> pd.DataFrame:
    """Return the run's table of parts; UserError where it has none."""
    file = store.artifacts(info.id) / Artifact.SPLIT
    if not file.is_file():
        raise UserError(f"run {info.id[:8]} has no {Artifact.SPLIT}: {file} is missing")
    return pd.read_parquet(file)


def option(info: RunInfo, name: str) -> str | None:
    """Return the value of the option `name` that the run's command was given, None where it was not given."""
    if "threads" in info.tags:  # each run has it since these options are recorded
        return info.tags.get(name)
    words = shlex.split(info.tags["command"])
    for word, after in itertools.pairwise([*words, ""]):
        if word == f"--{name}" and after:
            return after
        if word.startswith(f"--{name}="):
            return word.partition("=")[2]
    return None
