"""A study: search on validation, refit the winner with several seeds, score once on test.

`prepare` checks everything a person can get wrong before any store is touched; `run` makes the study or joins one of
the same name, searches (`training.trials`), and refits and scores the winner (`training.finals`). Any number of
processes may run the same study at once, and any of them may be killed at any moment: the same command goes on.
"""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from affect.record import METRIC_VERSION, RECORD_VERSION, Artifact, Kind, State, digest, settings_text, to_json
from training import provenance, registry, splits
from training.contract import UserError
from training.fitting import Bench

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from types import ModuleType

    import optuna

    from training.contract import Dataset, Method, Params, Settings
    from training.progress import Watch
    from training.splits import Protocol
    from training.tracking import Store


@dataclass(frozen=True)
class Plan:
    """A study as a person asks for it; the fields are the options of ``python -m training study``.

    `first` are the parameters of trial 0 (the space's DEFAULTS where None); with `fixed` there is no other trial.
    """

    method: str
    dataset: str
    known_as: str | None = None
    root: Path | None = None
    split_file: Path | None = None
    split_seed: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)
    needs: Mapping[str, str] = field(default_factory=dict)
    trials: int = 20
    timeout: float | None = None
    repeats: int = 5
    seed: int = 0
    epochs: int | None = None
    pruner: str = "median"
    name: str | None = None
    device: str = "auto"
    threads: int = 1
    first: Params | None = None
    fixed: bool = False


@dataclass(frozen=True)
class Prepared:
    """A plan whose every name was found and whose data was read and split."""

    plan: Plan
    name: str
    module: ModuleType
    space: ModuleType
    method: Method
    settings: Settings
    data: Dataset
    protocol: Protocol
    published: Mapping[str, str] | None
    first: Params
    signature: Mapping[str, Any]


@dataclass(frozen=True)
class Session:
    """One process at work on a study."""

    prepared: Prepared
    store: Store
    study: optuna.Study
    run_id: str
    experiment: str
    worker: str
    bench: Bench
    watch: Watch

    def tags(self, kind: str) -> dict[str, str]:
        """Return the tags that each run of this study bears."""
        return {**identity(self.prepared, self.bench), "kind": kind, "study": self.prepared.name}


def prepare(plan: Plan) -> Prepared:
    """Look up every name, read and split the data; UserError for whatever is wrong."""
    module, space = registry.method(plan.method), registry.space(plan.method)
    reader, method = registry.dataset(plan.dataset), module.METHOD
    if method.data != reader.KIND:
        fitting = [name for name in registry.datasets() if method.data == registry.dataset(name).KIND]
        raise UserError(
            f"{plan.method} takes {method.data} data, and {plan.dataset} is {reader.KIND}; "
            f"take one of {', '.join(fitting)}"
        )
    allowed = registry.choices(method, reader)
    settings = registry.settings(plan.settings, allowed)
    data = named(reader.read(plan.root, settings), plan.known_as)
    published = splits.read(plan.split_file, data) if plan.split_file else data.published_split
    protocol = splits.make(data, method.inputs, method.targets, plan.split_seed, published)
    first = parameters(plan.first or {}, space)
    name = plan.name or default_name(plan, {k: v for k, v in settings.items() if v != allowed[k][0]}, first, space)
    if not name.strip() or any(not c.isprintable() for c in name) or len(name) > 200:
        raise UserError(f"--name {name!r}: a study's name has 1 to 200 printable characters")
    made_with = signature(plan, protocol, settings, space, first)
    return Prepared(plan, name, module, space, method, settings, data, protocol, published, first, made_with)


def signature(
    plan: Plan, protocol: Protocol, settings: Settings, space: ModuleType, first: Params
) -> Mapping[str, Any]:
    """Return all that must be the same for two commands to be the same study, in words a refusal can show."""
    from training.search import space_json

    return {
        "method": plan.method,
        "dataset": protocol.data.name,
        "data version": protocol.data.version,
        "protocol": protocol.id,
        "settings": settings_text(settings),
        "space": digest(space_json(space)),
        "trial 0": to_json(dict(first)),
        "search": "none" if plan.fixed else "tpe",
        "pruner": plan.pruner,
        "seed": plan.seed,
        "epochs": plan.epochs,
        "with": to_json(dict(plan.needs)),
    }


def named(data: Dataset, known_as: str | None) -> Dataset:
    """Return the data under the name that ``--as`` gives it; a synthetic set never takes a real one's name."""
    import dataclasses

    if known_as is None:
        return data
    if data.synthetic and not known_as.startswith("synthetic"):
        raise UserError(f"--as {known_as}: the data is synthetic, and its name must begin with 'synthetic'")
    return dataclasses.replace(data, name=known_as)


def parameters(given: Params, space: ModuleType) -> Params:
    """Return DEFAULTS with the given values in their place, each of the default's own type."""
    chosen = dict(space.DEFAULTS)
    for key, value in given.items():
        if key not in chosen:
            raise UserError(registry.nearest(key, chosen, "parameter"))
        kind = type(chosen[key])
        try:
            chosen[key] = value if isinstance(value, kind) else _typed(value, kind)
        except ValueError:
            raise UserError(f"parameter {key}: expected {kind.__name__}, found {value!r}") from None
    return chosen


def _typed(value: Any, kind: type) -> Any:
    if kind is bool:
        if str(value).lower() not in ("true", "false"):
            raise ValueError(value)
        return str(value).lower() == "true"
    return kind(value)


def default_name(plan: Plan, settings: Settings, first: Params, space: ModuleType) -> str:
    """Name a study after what makes it different: the same command gives the same name, and so goes on."""
    parts = [plan.method, plan.known_as or plan.dataset, *(f"{k}={v}" for k, v in sorted(settings.items()))]
    if plan.split_file:
        parts.append(plan.split_file.stem)
    if plan.split_seed:
        parts.append(f"split-seed={plan.split_seed}")
    if plan.seed:
        parts.append(f"seed={plan.seed}")
    if plan.fixed:
        changed = {k: v for k, v in first.items() if v != space.DEFAULTS[k]}
        parts += ["train", *(f"{k}={v}" for k, v in sorted(changed.items()))]
    return " ".join(parts)


def identity(prepared: Prepared, bench: Bench) -> dict[str, str]:
    """Return the tags that say what a run is about and what it was made with."""
    protocol, data, plan = prepared.protocol, prepared.data, prepared.plan
    return {
        "record": str(RECORD_VERSION),
        "method": plan.method,
        "dataset": data.name,
        "reader": plan.dataset,
        "synthetic": str(data.synthetic).lower(),
        "data_version": data.version,
        "protocol": protocol.name,
        "protocol_id": protocol.id,
        "split": protocol.split_id,
        "targets": to_json(list(protocol.targets)),
        "inputs": protocol.inputs,
        "group_kind": data.group_kind,
        "groups": to_json(dict(protocol.groups)),
        "persons": "known" if data.persons_known else "unknown",
        "settings": to_json(dict(prepared.settings)),
        "seed": str(plan.seed),
        "objective": prepared.method.objective,
        "direction": prepared.method.direction,
        "space": str(prepared.signature["space"]),
        "code": provenance.code(),
        "machine": to_json(provenance.machine(bench.device)),
        "metric_version": str(METRIC_VERSION),
        "command": provenance.command(),
    }


@contextlib.contextmanager
def holding(store: Store, name: str) -> Iterator[None]:
    """Wait for a lock and hold it."""
    while True:
        with store.lock(name) as mine:
            if mine:
                yield
                return
        time.sleep(0.05)


def run(prepared: Prepared, store: Store, watch: Watch) -> Session:
    """Make or join the study, search, refit the winner and score it on test; return the session for its results."""
    from training import finals, needs, search, trials

    plan = prepared.plan
    needs.check(prepared, store)
    bench = Bench(
        prepared.settings, provenance.device(plan.device), plan.threads, plan.epochs, provenance.cache() / "prepared"
    )
    worker = uuid.uuid4().hex[:12]
    with holding(store, search.worker_lock(worker)):
        with holding(store, f"study-{prepared.name}"):
            session = _join(prepared, store, bench, worker, watch)
            trials.reconcile(session)
        try:
            trials.run_all(session)
            finals.finish(session)
        except KeyboardInterrupt:
            _close(session, State.STOPPED, "stopped by a person; the same command goes on")
            raise
        except Exception as error:
            _close(session, State.FAILED, str(error))
            raise
    return session


def _close(session: Session, state: str, reason: str) -> None:
    """Close the study's run, unless another process is still at work on it or has finished it."""
    import optuna

    running = session.study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,))
    if not running and session.store.get(session.run_id).tags.get("frozen") != "true":
        session.store.resume(session.run_id).close(state, reason)


def _join(prepared: Prepared, store: Store, bench: Bench, worker: str, watch: Watch) -> Session:
    """Load the study of this name or make it; refuse one that was made with something else, naming the difference."""
    import optuna

    from training import search

    plan, storage = prepared.plan, store.optuna_storage(search.retry)
    experiment = store.experiment(prepared.protocol.name)
    try:
        study = optuna.load_study(study_name=prepared.name, storage=storage)
    except KeyError:
        if store.find({"kind": Kind.STUDY, "study": prepared.name}):
            raise UserError(
                f"study {prepared.name!r} is in the tracking store but its search is not in Optuna's storage "
                "(it was imported, or OPTUNA_STORAGE differs); choose another --name"
            ) from None
        study = optuna.create_study(
            study_name=prepared.name,
            storage=storage,
            direction=optuna.study.StudyDirection[prepared.method.direction.upper()],
            load_if_exists=True,
        )
    study.sampler, study.pruner = search.SeededTPE(plan.seed), search.pruner(plan.pruner)
    kept = study.user_attrs
    if "signature" in kept and kept["signature"] != prepared.signature:
        raise UserError(
            f"study {prepared.name!r} exists and was made otherwise; choose another --name. "
            + "; ".join(search.differences(kept["signature"], prepared.signature))
        )
    session = Session(prepared, store, study, kept.get("run_id", ""), experiment, worker, bench, watch)
    if not session.run_id:
        return _make(session)
    store.resume(session.run_id)
    _extend(session)
    return session


def _make(session: Session) -> Session:
    """Write a new study's run and its attributes; `run_id` comes last and says that the study is whole."""
    import dataclasses

    from training import search

    prepared, store, study, plan = session.prepared, session.store, session.study, session.prepared.plan
    study.set_user_attr("signature", dict(prepared.signature))
    study.enqueue_trial(dict(prepared.first), skip_if_exists=True)
    orphans = store.find({"kind": Kind.STUDY, "study": prepared.name})  # its maker was killed just here
    if orphans:
        run = store.resume(orphans[0].id)
    else:
        tags = {
            **session.tags(Kind.STUDY),
            "sampler": "none" if plan.fixed else "TPE, seeded for each trial",
            "pruner": plan.pruner,
            "trials_total": str(plan.trials),
            "repeats": str(plan.repeats),
            "deadline": _deadline(plan),
        }
        run = store.start(session.experiment, prepared.name, tags)
    run.json(Artifact.SPACE, search.space_json(prepared.space))
    run.json(Artifact.DATA_SUMMARY, data_summary(prepared))
    run.table(Artifact.SPLIT, prepared.protocol.table())
    run.tags({"artifacts": to_json([Artifact.DATA_SUMMARY, Artifact.SPACE, Artifact.SPLIT])})
    study.set_user_attr("run_id", run.id)
    return dataclasses.replace(session, run_id=run.id)


def _deadline(plan: Plan) -> str:
    return "" if plan.timeout is None else str(int(time.time() + plan.timeout))


def _extend(session: Session) -> None:
    """Take over a greater number of trials for a study that goes on; a study that was scored on test is closed."""
    from training import search

    plan, study = session.prepared.plan, session.study
    run = session.store.get(session.run_id)
    if "winner" in study.user_attrs:
        done, repeats = search.counted(study.get_trials(deepcopy=False)), int(run.tags["repeats"])
        if plan.trials > max(done, int(run.tags["trials_total"])) or plan.repeats != repeats:
            raise UserError(
                f"study {session.prepared.name!r} was scored on test after {done} trials with {repeats} repeats and is "
                "closed: more trials or repeats would choose by the test part. Give another --name for a new study"
            )
    if run.tags.get("frozen") != "true":
        session.store.resume(session.run_id).tags(
            {"trials_total": str(plan.trials), "repeats": str(plan.repeats), "deadline": _deadline(plan)}
        )


def data_summary(prepared: Prepared) -> dict[str, Any]:
    """Return data_summary.json: the reader's counts, and the split's."""
    import numpy as np

    protocol, data = prepared.protocol, prepared.data
    parts = {part: int((protocol.part == part).sum()) for part in ("train", "validation", "test")}
    classes: dict[str, dict[str, int]] = {}
    if data.label is not None:
        for label in np.unique(data.label):
            mine = data.label == label
            classes[str(label)] = {part: len(np.unique(data.group[mine & (protocol.part == part)])) for part in parts}
    summary: dict[str, Any] = json.loads(
        to_json(
            {
                **data.summary,
                "samples": parts,
                "groups": dict(protocol.groups),
                "group_kind": data.group_kind,
                "persons": "known" if data.persons_known else "unknown",
                "groups_of_class": classes,
                "notes": list(protocol.notes),
            }
        )
    )
    return summary
