"""A store as the bench leaves it, without training: MLflow's own migrated schema, filled by plain SQL.

``build(folder)`` makes the motion family's studies with trials, finals, curves and artifacts, one study running;
``bulk(folder, runs)`` makes many plain runs for benchmarks. The same seed writes the same store, but for paths.

Usage: python -m tests.fake_store FOLDER
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from affect import metrics, record
from affect.record import Artifact, Kind, State
from tests import fake_results as made
from training.tracking import embedded

START = 1_760_000_000_000
"""Milliseconds at which the first study of every fake store begins."""

RUNNING_NAME = made.STUDIES[-1].name


def ids(kind: str, *parts: object) -> str:
    """Return a run id, 32 hexadecimal characters, that depends on its parts alone."""
    return record.digest([kind, *map(str, parts)], 32)


@dataclass
class Writer:
    """Inserts whole runs into one store; used as a context manager, it commits at the end."""

    folder: Path

    def __enter__(self) -> Writer:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "mlflow.db"
        if not path.exists():
            embedded.prepare_mlflow(path, self.folder)
        self.connection = sqlite3.connect(path, timeout=30)
        self.connection.execute("PRAGMA synchronous=OFF")
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            self.connection.commit()
        self.connection.close()

    def experiment(self, name: str) -> int:
        row = self.connection.execute("SELECT experiment_id FROM experiments WHERE name = ?", (name,)).fetchone()
        if row:
            return int(row[0])
        number = self.connection.execute("SELECT max(experiment_id) + 1 FROM experiments").fetchone()[0]
        self.connection.execute(
            "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, creation_time,"
            " last_update_time, workspace) VALUES (?, ?, ?, 'active', ?, ?, 'default')",
            (number, name, str(self.folder / "artifacts" / str(number)), START, START),
        )
        return int(number)

    def run(
        self,
        experiment: int,
        run_id: str,
        name: str,
        tags: Mapping[str, str],
        params: Mapping[str, Any] | None = None,
        metrics: Mapping[str, float] | None = None,
        curves: Mapping[str, Sequence[float]] | None = None,
        parent: str | None = None,
        start: int = START,
        seconds: float | None = 60,
        lifecycle: str = "active",
    ) -> Path:
        """Insert one run and return its artifact folder (not made yet). `seconds` None: it is still running."""
        state = tags.get("state", State.COMPLETE)
        status = {State.RUNNING: "RUNNING", State.FAILED: "FAILED"}.get(state, "FINISHED")
        end = None if seconds is None else int(start + seconds * 1000)
        folder = self.folder / "artifacts" / str(experiment) / run_id / "artifacts"
        self.connection.execute(
            "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time,"
            " end_time, source_version, lifecycle_stage, artifact_uri, experiment_id)"
            " VALUES (?, ?, 'UNKNOWN', '', '', 'ada', ?, ?, ?, '', ?, ?, ?)",
            (run_id, name, status, start, end, lifecycle, str(folder), experiment),
        )
        full = {record.tag(k): v for k, v in tags.items()} | {"mlflow.runName": name, "mlflow.user": "ada"}
        if parent:
            full[record.PARENT] = parent
        self.tags(run_id, full)
        pairs = [(k, str(v), run_id) for k, v in (params or {}).items()]
        self.connection.executemany("INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)", pairs)
        self.metrics(run_id, metrics or {}, end or start)
        for figure, values in (curves or {}).items():
            steps = [(record.curve(figure), v, start + 1000 * i, i) for i, v in enumerate(values)]
            self.points(run_id, steps)
        return folder

    def tags(self, run_id: str, full: Mapping[str, str]) -> None:
        """Set tags by their full names."""
        rows = [(k, v, run_id) for k, v in full.items()]
        self.connection.executemany("INSERT OR REPLACE INTO tags (key, value, run_uuid) VALUES (?, ?, ?)", rows)

    def metrics(self, run_id: str, values: Mapping[str, float], time: int) -> None:
        """Log single figures at step 0."""
        self.points(run_id, [(k, v, time, 0) for k, v in values.items()])

    def points(self, run_id: str, points: Iterable[tuple[str, float, int, int]]) -> None:
        """Log (name, value, ms, step) in the order of steps, NaN and infinity as MLflow keeps them."""
        rows = []
        for key, value, time, step in points:
            nan = value != value
            kept = 0.0 if nan else min(max(value, -sys.float_info.max), sys.float_info.max)
            rows.append((key, kept, time, step, nan, run_id))
        columns = "(key, value, timestamp, step, is_nan, run_uuid) VALUES (?, ?, ?, ?, ?, ?)"
        self.connection.executemany(f"INSERT INTO metrics {columns}", rows)
        self.connection.executemany(f"INSERT OR REPLACE INTO latest_metrics {columns}", rows)


# ------------------------------------------------------------------------------------------------------- studies


def _tags(spec: made.Spec, kind: str, **more: str) -> dict[str, str]:
    split = made.split_table(spec)
    groups = {p: int(split.loc[split["part"] == p, "group"].nunique()) for p in record.PARTS}
    versions = {"torch": "2.13.0", "xgboost": "3.2.0"}
    machine = {"host": "bench", "device": "cpu", "cores": 2, "python": "3.11.2", "platform": "Linux"}
    return {
        "kind": kind,
        "record": str(record.RECORD_VERSION),
        "method": spec.method,
        "dataset": spec.dataset,
        "reader": spec.dataset,
        "synthetic": "true" if spec.dataset.startswith("synthetic") else "false",
        "data_version": record.digest(spec.dataset),
        "protocol": spec.protocol,
        "protocol_id": record.digest([spec.protocol]),
        "split": record.digest(["split", spec.dataset]),
        "targets": record.to_json(list(spec.targets)),
        **({"classes": record.to_json(sorted(set(split["label"])))} if spec.family == "meshes" else {}),
        "inputs": spec.inputs,
        "group_kind": "clip" if spec.family == "motion" else "person",
        "groups": record.to_json(groups),
        "persons": "unknown" if spec.family == "motion" else "known",
        "settings": record.to_json(spec.all_settings),
        "study": spec.name,
        "seed": "0",
        "objective": spec.metric,
        "objectives": record.to_json(spec.objectives),
        **({"weights": record.to_json(spec.weights)} if spec.weights else {}),
        "direction": spec.direction,
        "space": record.digest(made.space(spec.method)),
        "needs": "{}",
        "code": "85f3dbe0c1a2b3c4d5e6f708192a3b4c5d6e7f80+",
        "machine": record.to_json({**machine, "versions": versions}),
        "metric_version": str(record.METRIC_VERSION),
        "command": f"python -m training study {spec.method} --dataset {spec.dataset} --name {spec.name}",
        **more,
    }


def _write(folder: Path, frames: Mapping[str, pd.DataFrame], texts: Mapping[str, str]) -> str:
    folder.mkdir(parents=True)
    for name, frame in frames.items():
        frame.to_parquet(folder / name, index=False)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return record.to_json(sorted([*frames, *texts]))


def _curves(rng: np.random.Generator, best: float, epochs: int, name: str) -> dict[str, list[float]]:
    steps = np.arange(epochs)
    rises = metrics.DIRECTION.get(name.split("/")[1]) == "maximize"
    fall = best * (1 + (-0.7 if rises else 1.2) * np.exp(-steps / 6))
    return {
        name: (fall + rng.normal(0, best * 0.01, epochs)).tolist(),
        name.replace("val/", "train/"): (0.8 * fall + rng.normal(0, best * 0.005, epochs)).tolist(),
    }


def _study(writer: Writer, spec: made.Spec, number: int, trials: int, finals: int, seed: int, running: bool) -> None:
    rng = np.random.default_rng([seed, number])
    experiment = writer.experiment(spec.protocol)
    study_id = ids(Kind.STUDY, spec.name, seed)
    start = START + number * 3_600_000
    space = made.space(spec.method)
    distributions = space["distributions"]
    curve = spec.value.removesuffix(f"/{record.ALL}")
    needs = {}
    if spec.method.endswith("pad_to_latent"):
        needs = {"needs": record.to_json({"vae": ids(Kind.NEED, spec.name, seed)})}
        vae = made.Spec("motion/lma_vae", 0.9, spec.settings, spec.dataset)
        tags = _tags(vae, Kind.NEED, study=spec.name, state=State.COMPLETE)
        pred = made.predict(vae, 99)
        values = made.figures(vae, pred, ("validation",)) | {record.COST_SECONDS: 4.2}
        params = made.space(vae.method)["defaults"]
        need = ids(Kind.NEED, spec.name, seed)
        writer.run(experiment, need, "need vae", tags, params, values, None, study_id, start, 5)

    done = trials if not running else max(trials - 3, 1)
    values: dict[int, float] = {}
    params_of: dict[int, dict[str, Any]] = {}
    for trial in range(done + running):
        params = params_of[trial] = made.draw(distributions, rng) if trial else space["defaults"]
        is_last = trial == done
        state = State.COMPLETE
        if is_last:
            state = State.RUNNING
        elif trial % 7 == 3:
            state = State.FAILED
        elif trial % 4 == 2 and not spec.apart:
            state = State.PRUNED
        noise = spec.noise * float(1.05 + 0.4 * rng.random())
        tried = replace(spec, noise=noise)
        pred = made.predict(tried, 1000 + trial)
        scored = made.figures(tried, pred, ("validation",))
        best = scored[spec.value]
        seconds = float(np.exp(rng.normal(1.5, 0.6)))
        tags = _tags(spec, Kind.TRIAL, trial=str(trial), state=state)
        figures = {record.COST_SECONDS: seconds}
        texts = {}
        if state == State.COMPLETE:
            shown = ("/all", f"/{record.PICTURE}", f"/{record.WEIGHED}")
            figures |= {k: v for k, v in scored.items() if k.endswith(shown) or k.startswith("val/mae/")}
            figures |= {record.COST_PARAMETERS: 1000.0 * params["depth"], record.COST_PEAK_MB: 290.0}
            values[trial] = figures[spec.value]
        elif state == State.FAILED:
            tags["reason"] = "ValueError: outliers: no train row is left for feature <b>neck_speed</b>"
            texts[Artifact.LOG] = made.TRACEBACK.format(method=spec.method.rpartition("/")[2])
        elif state == State.PRUNED:
            tags["reason"] = f"pruned at step 6: validation {spec.metric} {best:.4g}"
        epochs = {State.COMPLETE: 24, State.PRUNED: 7, State.RUNNING: 11, State.FAILED: 0}[state]
        run_id = ids(Kind.TRIAL, spec.name, trial, seed)
        tags["artifacts"] = record.to_json(sorted(texts))
        path = writer.run(
            experiment,
            run_id,
            f"trial {trial}",
            tags | needs,
            params,
            figures,
            _curves(rng, best, epochs, curve),
            study_id,
            start + 60_000 * trial,
            None if state == State.RUNNING else seconds,
        )
        if texts:
            _write(path, {}, texts)

    winner = (max if spec.direction == "maximize" else min)(values, key=values.__getitem__)
    more = {
        "sampler": "TPE, seeded for each trial",
        "pruner": "median",
        "trials_total": str(trials),
        "repeats": str(finals),
    }
    more |= {"best_trial": str(winner), "best_value": repr(values[winner]), "deadline": ""}
    more |= {"state": State.RUNNING if running else State.COMPLETE} | ({} if running else {"frozen": "true"})
    summary = {Artifact.DATA_SUMMARY: record.to_json(made.summary(spec))}
    all_finals: list[dict[str, float]] = []
    for seed_of in range(1, 1 + (0 if running else finals)):
        pred = made.predict(spec, seed_of)
        scored = made.figures(spec, pred, ("validation", "test"))
        for row, trivial in made.trivial(spec).items():
            scored |= made.figures(spec, trivial, ("validation", "test"), row)
        cost = {record.COST_SECONDS: 6.0 + seed_of, record.COST_PARAMETERS: 52_000.0, record.COST_PEAK_MB: 310.5}
        all_finals.append(scored | cost)
        run_id = ids(Kind.FINAL, spec.name, seed_of, seed)
        path = writer.folder / "artifacts" / str(experiment) / run_id / "artifacts"
        artifacts = _write(path, made.tables(spec, pred, seed_of, first=seed_of == 1), summary)
        tags = _tags(spec, Kind.FINAL, trial=str(winner), state=State.COMPLETE, artifacts=artifacts) | needs
        tags["seed"] = str(seed_of)
        curves = _curves(rng, values[winner], 24, curve)
        begin = start + 60_000 * (trials + seed_of)
        name = f"final seed {seed_of}"
        writer.run(experiment, run_id, name, tags, params_of[winner], all_finals[-1], curves, study_id, begin)

    path = writer.folder / "artifacts" / str(experiment) / study_id / "artifacts"
    texts = {Artifact.SPACE: record.to_json(space), **summary}
    kept = {Artifact.SPLIT: made.split_table(spec)}
    if spec.family == "motion":
        kept[Artifact.ANNOTATIONS] = made.annotation_table(spec)
    more["artifacts"] = _write(path, kept, texts)
    tags = _tags(spec, Kind.STUDY, **more) | needs
    seconds = None if running else 60.0 * (trials + finals)
    writer.run(experiment, study_id, spec.name, tags, {}, _summary(all_finals), None, None, start, seconds)


def _summary(finals: list[dict[str, float]]) -> dict[str, float]:
    """Return a study's own figures: mean and sd over its finals, a made-up interval, and the trivial rows."""
    if not finals:
        return {}
    frame = pd.DataFrame(finals)
    found = frame.mean().to_dict()
    for name in frame.columns:
        taken = record.parse_metric(name)
        if taken is None or taken.aspect:
            continue
        mean, sd = found[name], float(frame[name].std(ddof=1)) if len(frame) > 1 else 0.0
        found[record.metric(taken.part, taken.metric, taken.target, record.SD)] = sd
        if taken.part != "test":
            continue
        half = 0.12 * abs(mean) + sd
        extra = {record.LOW: mean - half, record.HIGH: mean + half, record.N_GROUPS: 8.0}
        for aspect, value in extra.items():
            found[record.metric("test", taken.metric, taken.target, aspect)] = value
    return found


def build(
    folder: Path, studies: Sequence[made.Spec] = made.STUDIES, trials: int = 8, finals: int = 3, seed: int = 0
) -> Path:
    """Write the studies into `folder` (mlflow.db, artifacts/) and return it. `STUDIES[-1]` is left running."""
    folder = Path(folder)
    with Writer(folder) as writer:
        for number, spec in enumerate(studies):
            _study(writer, spec, number, trials, finals, seed, running=spec is made.STUDIES[-1])
        foreign = writer.experiment("somebody else's")
        writer.run(foreign, ids("foreign", seed), "not of the bench", {}, {"lr": 1}, {"loss": 0.5})
    return folder


def bulk(folder: Path, runs: int = 10_000, params: int = 15, metrics: int = 12, seed: int = 0) -> Path:
    """Write many plain trial and final runs, 15 parameters, 12 metrics and 12 tags each, without artifacts."""
    rng = np.random.default_rng(seed)
    folder = Path(folder)
    with Writer(folder) as writer:
        experiments = [writer.experiment(f"bulk {i} · by clip · P A D") for i in range(4)]
        targets = (*made.PAD, record.ALL)
        names = [record.metric("test", m, t) for m in ("mae", "rmse", "ccc", "pcc") for t in targets][:metrics]
        values = rng.random((runs, metrics))
        hyper = rng.random((runs, params))
        for i in range(runs):
            study = i // 50
            tags = {
                "kind": Kind.FINAL if i % 10 == 9 else Kind.TRIAL,
                "method": made.STUDIES[study % 10].method,
                "dataset": "bulk",
                "protocol": f"bulk {study % 4} · by clip · P A D",
                "settings": record.to_json({"latent_size": 2 ** (study % 4)}),
                "study": f"study {study}",
                "seed": str(i % 5),
                "trial": str(i % 50),
                "state": State.COMPLETE,
                "code": "85f3dbe0c1a2",
            }
            writer.run(
                experiments[study % 4],
                ids("bulk", i, seed),
                f"run {i}",
                tags,
                {f"p{j}": float(hyper[i, j]) for j in range(params)},
                dict(zip(names, values[i].tolist(), strict=True)),
                start=START + 1000 * i,
            )
    return folder


def many_studies(
    folder: Path, studies: int = 200, trials: int = 50, finals: int = 3, protocols: int = 5, seed: int = 0
) -> Path:
    """Write finished studies: trials with a curve of eight epochs each, and finals with their predictions.

    The studies of a protocol share one truth; a study's predictions are one of a few files, so that even thousands of
    finals are written in seconds.
    """
    rng = np.random.default_rng(seed)
    folder = Path(folder)
    files = [_some_predictions(folder, number, rng) for number in range(12)]
    scores = [
        record.metric(part, m, t) for part in ("validation", "test") for m in ("mae", "rmse", "ccc") for t in TARGETS
    ]
    aspects = (record.SD, record.LOW, record.HIGH, record.MEAN, record.N_GROUPS)
    with Writer(folder) as writer:
        names = [f"many {i} · by clip · P A D" for i in range(protocols)]
        experiments = [writer.experiment(name) for name in names]
        for number in range(studies):
            place = number % protocols
            study, start = ids("many", number, seed), START + number * 3_600_000
            base = {
                "method": made.STUDIES[number % 10].method,
                "dataset": "many",
                "protocol": names[place],
                "protocol_id": record.digest(["many", place]),
                "split": record.digest(["split", place]),
                "targets": record.to_json(list(made.PAD)),
                "group_kind": "clip",
                "groups": '{"test":14,"train":40,"validation":10}',
                "settings": record.to_json({"latent_size": number % 7, "window": number // 7}),
                "study": f"study {number}",
                "objective": "mae",
                "objectives": '["val/mae/all"]',
                "direction": "minimize",
                "metric_version": "1",
                "state": State.COMPLETE,
                "code": "85f3dbe0c1a2",
            }
            params = {f"p{j}": float(v) for j, v in enumerate(rng.random(12))}
            values = rng.random(trials).tolist()
            for trial in range(trials):
                # the last studies have curves, which only their own pages read
                fall = (values[trial] + np.exp(-np.arange(8) / 2)).tolist()
                curves = dict.fromkeys(CURVES, fall) if number >= studies - 5 else None
                tags = base | {"kind": Kind.TRIAL, "trial": str(trial)}
                run = ids("many trial", number, trial, seed)
                begin = start + 60_000 * trial
                shown = {"val/mae/all": values[trial], record.COST_SECONDS: 30.0}
                writer.run(
                    experiments[place], run, f"trial {trial}", tags, params, shown, curves, study, begin, seconds=50
                )
            for final in range(1, finals + 1):
                tags = base | {"kind": Kind.FINAL, "seed": str(final), "artifacts": '["predictions.parquet"]'}
                run = ids("many final", number, final, seed)
                own = dict(zip(scores, (0.3 + 0.1 * rng.random(len(scores))).tolist(), strict=True))
                path = writer.run(
                    experiments[place], run, f"final seed {final}", tags, params, own, None, study, start + 4_000_000
                )
                path.mkdir(parents=True)
                os.link(files[(number + final) % len(files)], path / Artifact.PREDICTIONS)
            own = dict(zip(scores, (0.3 + 0.1 * rng.random(len(scores))).tolist(), strict=True))
            own |= {record.metric("test", m, t, a): 0.35 for m in ("mae", "ccc") for t in TARGETS for a in aspects}
            more = {"kind": Kind.STUDY, "trials_total": str(trials), "repeats": str(finals), "best_trial": "0"}
            writer.run(experiments[place], study, f"study {number}", base | more, None, own, None, None, start, 5_000)
    return folder


TARGETS = (*made.PAD, record.ALL)
CURVES = ("val/mae",)


def _some_predictions(folder: Path, number: int, rng: np.random.Generator) -> Path:
    """Write predictions of 700 samples of 14 clips beside the store, and return the file."""
    group = np.repeat([f"clip {i}" for i in range(14)], 50)
    true = {f"true_{t}": np.sin(np.arange(len(group)) + i) for i, t in enumerate(made.PAD)}
    frame = pd.DataFrame(
        {
            "sample": [f"s{i:04d}" for i in range(len(group))],
            "group": group,
            "sequence": group,
            "time": np.tile(np.arange(50.0), 14),
            "part": "test",
            **true,
            **{f"pred_{t}": true[f"true_{t}"] + rng.normal(0, 0.2 + 0.01 * number, len(group)) for t in made.PAD},
        }
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"predictions {number}.parquet"
    frame.to_parquet(path, index=False)
    return path


if __name__ == "__main__":
    print(build(Path(sys.argv[1])))
