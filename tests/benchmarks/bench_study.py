"""A study of many small trials: the bench against the same study written the usual way, and two workers against one.

A trial fits a net of 27-64-3 on the synthetic motion data for 40 epochs, batch 64, and writes its parameters, two
curves and its scores. The usual way is what tutorials show: an Optuna objective with a DataLoader, MLflow's fluent API
once an epoch, both on SQLite. Neither prunes. Times are those of the search, without imports and final runs; the
studies run in processes of their own with one thread each, as workers do. The two workers are those of ``--workers 2``,
on trials of about a second.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.benchmarks.row import Row, row
from training.study.progress import Watch

if TYPE_CHECKING:
    from training.contract import Job
    from training.data import Split
    from training.study.plan import Prepared
    from training.views import Inputs

ROOT = Path(__file__).resolve().parents[2]
TRIALS, HIDDEN, EPOCHS, BATCH = 100, 64, 40, 64
RATE, DEFAULT_RATE = (1e-4, 1e-2), 1e-3
SECOND = 8
"""So many times the epochs make a trial of about a second."""
ROUNDS = 3


def rows(scale: float) -> Iterable[Row]:
    """Yield trials an hour, overhead per trial, and the gain of a second worker."""
    trials = max(4, int(TRIALS * scale))
    store = Path(os.environ["AFFECTORY_STORE"])
    own = median(span("ours", store / f"own{k}", trials) for k in range(ROUNDS))
    usual = span("usual", store / "usual", trials)
    fit_own, fit_usual = alone("fit-ours"), alone("fit-usual")
    note = f"{trials} trials of 40 epochs, one thread; fit alone {fit_own:.2f} s ours, {fit_usual:.2f} s the usual way"
    name = "Optuna + fluent MLflow + DataLoader"
    yield row("study of small trials: seconds a trial", name, own / trials, usual / trials, ">= 5", note=note)
    overhead, other = own / trials - fit_own, usual / trials - fit_usual
    yield row("study's own overhead a trial (all but the fit)", name, overhead, other, note=note)
    long = max(6, trials // 4)
    turns = [[span("team", store / f"{n}-{k}", long, workers=n) for n in (1, 2)] for k in range(ROUNDS)]
    one, two = (median(spans) for spans in zip(*turns, strict=True))
    note = f"{long} trials of {one / long:.1f} s, medians of {ROUNDS}, one thread a worker, {os.cpu_count()} cores"
    note += f", load {os.getloadavg()[0]:.1f} with the second"
    yield row("study with two workers", "one worker", two, one, ">= 1.8", note=note)


def span(way: str, store: Path, trials: int, workers: int = 1) -> float:
    """Run a study in a process of its own; return the seconds from its first trial's start to its last one's end."""
    process = worker(way, str(store), str(trials), str(workers))
    said, complaint = process.communicate(timeout=1800)
    if process.returncode:
        raise OSError(f"{way}: {complaint[-2000:]}")
    start, end = json.loads(said.splitlines()[-1])
    return float(end - start)


def alone(way: str) -> float:
    """Return the seconds of one fit that writes nothing, in a process of its own."""
    said, complaint = worker(way).communicate(timeout=600)
    if not said:
        raise OSError(f"{way}: {complaint[-2000:]}")
    return float(json.loads(said.splitlines()[-1]))


def worker(way: str, store: str = "", trials: str = "0", workers: str = "1") -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.benchmarks.bench_study", way, store, trials, workers]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=pipe, stderr=pipe, text=True)


# ------------------------------------------------------------------------------------------------- the method


def network(inputs: int, outputs: int) -> Any:
    from torch import nn

    return nn.Sequential(nn.Linear(inputs, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, outputs))


def fit(params: Mapping[str, Any], split: Split, job: Job, epochs: int = EPOCHS) -> Any:
    """Fit the net with the bench's loop: what a method's file holds."""
    import torch

    from training.contract import Outcome
    from training.networks import loop
    from training.networks.batches import Batches, Shuffled
    from training.networks.step import Descent, optimiser

    train, validation = np.asarray(split.train.x), np.asarray(split.validation.x)
    mean, scale = train.mean(0), train.std(0) + 1e-6

    def tensor(values: Any) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float32)

    x, y = tensor((train - mean) / scale), tensor(split.train.y)
    val_x, val_y = tensor((validation - mean) / scale), tensor(split.validation.y)
    with loop.seeded(job):
        module = network(x.shape[1], y.shape[1])
        loop.fit(
            Descent(
                module,
                lambda batch: (module(batch[0]) - batch[1]).abs().mean(),
                optimiser(module, "adam", params["rate"]),
            ),
            Batches(Shuffled(len(x), BATCH), (x, y), job.device),
            lambda: float((module(val_x) - val_y).abs().mean()),
            loop.Schedule(epochs=epochs),
            job,
        )

    def predict(inputs: Inputs) -> Any:
        with torch.no_grad():
            return module(tensor((np.asarray(inputs.x) - mean) / scale)).numpy()

    model = SimpleNamespace(predict=predict, save=lambda folder: None)
    return Outcome(model, {name: predict(part.inputs) for name, part in split.parts().items()})


SPACE = SimpleNamespace(
    DEFAULTS={"rate": DEFAULT_RATE},
    TINY={"rate": DEFAULT_RATE},
    suggest=lambda trial: {"rate": trial.suggest_float("rate", *RATE, log=True)},
)


def prepared(trials: int, epochs: int = EPOCHS) -> Prepared:
    from tests.training.study import toys

    options = {"trials": trials, "repeats": 1, "pruner": "none", "name": "bench"}
    return toys.prepared(toys.module(fit=partial(fit, epochs=epochs)), space=SPACE, **options)


def handed(of: Prepared) -> Split:
    """Return what a search of the study is handed."""
    return of.protocol.split(of.method, of.settings, test=False)


# ---------------------------------------------------------------------------------------------------- the ways


class Clock(Watch):
    """Keeps when the search began and when its last trial ended."""

    def __init__(self) -> None:
        self.first = self.last = 0.0

    def searching(self, done: int, total: int, best: float | None) -> None:
        self.first = self.first or time.time()

    def trial_ended(self, number: int, state: str, value: float | None, best: float | None) -> None:
        self.last = time.time()


def ours(store: Path, trials: int, workers: int) -> tuple[float, float]:
    """Run the study with the bench; return when its search began and when its last trial ended."""
    from training.study import study
    from training.tracking.store import Store

    fit_alone("fit-ours", fits=1)  # the first one imports much of torch, which the clock is not to see
    clock = Clock()
    study.run(prepared(trials), Store.open(store), clock)
    return clock.first, clock.last


def team(store: Path, trials: int, workers: int) -> tuple[float, float]:
    """Run the study, with longer trials, by workers, as ``--workers`` does."""
    from training.study import team

    os.environ["AFFECTORY_STORE"] = str(store)
    fit_alone("fit-ours", fits=1)
    clock = Clock()
    if failed := team.run([prepared(trials, SECOND * EPOCHS)], workers, 0.0, lambda _: clock, lambda _: None):
        raise failed[0]
    return clock.first, clock.last


def usual(store: Path, trials: int, workers: int) -> tuple[float, float]:
    """Run the study as tutorials do."""
    import mlflow
    import optuna

    from affect import metrics

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    fit_alone("fit-usual", fits=1)
    store.mkdir(parents=True)
    mlflow.set_tracking_uri(f"sqlite:///{store}/mlflow.db")
    mlflow.create_experiment("bench", artifact_location=str(store / "artifacts"))
    mlflow.set_experiment("bench")
    split = handed(prepared(trials))
    targets = split.targets

    def objective(trial: optuna.Trial) -> float:
        params = SPACE.suggest(trial)
        with mlflow.start_run(run_name=f"trial {trial.number}", nested=True):
            mlflow.log_params(params)

            def report(epoch: int, loss: float, error: float) -> None:
                mlflow.log_metrics({"train_loss": loss, "val_mae": error}, step=epoch)
                trial.report(error, epoch)
                if trial.should_prune():
                    raise optuna.TrialPruned

            predictions = usual_fit(params["rate"], split, report)
            for part, pred in predictions.items():
                true = split.parts()[part].targets()
                scores = metrics.score(np.asarray(true), pred, targets)
                mlflow.log_metrics({f"{part}_{name}_{target}": v for (name, target), v in scores.items()})
            return metrics.score(np.asarray(split.validation.targets()), predictions["validation"], targets)[
                "mae", "all"
            ]

    study = optuna.create_study(
        study_name="bench",
        storage=f"sqlite:///{store}/optuna.db",
        sampler=optuna.samplers.TPESampler(seed=0),
        pruner=optuna.pruners.NopPruner(),
    )
    study.enqueue_trial(SPACE.DEFAULTS)
    with mlflow.start_run(run_name="study"):
        start = time.time()
        study.optimize(objective, n_trials=trials)
        return start, time.time()


def usual_fit(rate: float, split: Split, report: Any) -> dict[str, Any]:
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    train, validation = np.asarray(split.train.x), np.asarray(split.validation.x)
    mean, scale = train.mean(0), train.std(0) + 1e-6

    def tensor(values: Any) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float32)

    x, y = tensor((train - mean) / scale), tensor(split.train.y)
    val_x, val_y = tensor((validation - mean) / scale), tensor(split.validation.y)
    torch.manual_seed(0)
    module = network(x.shape[1], y.shape[1])
    optimiser = torch.optim.Adam(module.parameters(), lr=rate)
    loader = DataLoader(TensorDataset(x, y), batch_size=BATCH, shuffle=True)
    for epoch in range(EPOCHS):
        module.train()
        total = 0.0
        for batch_x, batch_y in loader:
            optimiser.zero_grad()
            loss = (module(batch_x) - batch_y).abs().mean()
            loss.backward()
            optimiser.step()
            total += loss.item()
        module.eval()
        with torch.no_grad():
            error = float((module(val_x) - val_y).abs().mean())
        report(epoch, total / len(loader), error)
    with torch.no_grad():
        parts = split.parts().items()
        return {name: module(tensor((np.asarray(part.x) - mean) / scale)).numpy() for name, part in parts}


def fit_alone(way: str, fits: int = 6) -> float:
    """Return the median seconds of a fit that reports to nobody, the first one left out."""
    import tempfile

    from training.contract import Job

    split = handed(prepared(1))
    taken = []
    for _ in range(fits):
        with tempfile.TemporaryDirectory() as folder:
            job = Job({}, 0, "cpu", lambda step, value, **scores: None, Path(folder), Path(folder))
            start = time.perf_counter()
            if way == "fit-ours":
                fit(SPACE.DEFAULTS, split, job)
            else:
                usual_fit(DEFAULT_RATE, split, lambda epoch, loss, error: None)
            taken.append(time.perf_counter() - start)
    return median(taken[1:] or taken)


if __name__ == "__main__":
    asked, where, *numbers = sys.argv[1:]
    if asked.startswith("fit-"):
        print(json.dumps(fit_alone(asked)))
    else:
        print(json.dumps({"ours": ours, "usual": usual, "team": team}[asked](Path(where), *map(int, numbers))))
