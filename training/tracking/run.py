"""One run of the store, open for writing: what is refused, when curves are written, and how a run ends."""

from __future__ import annotations

import contextlib
import getpass
import json
import math
import os
import re
import time
from typing import TYPE_CHECKING, Any

from affect import record
from training.contract import UserError
from training.tracking import artifacts
from training.tracking.patience import StoreAway

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import pandas as pd
    from mlflow.entities import Metric

    from training.tracking.store import Store

FIRST_FLUSH_S, LAST_FLUSH_S = 1.0, 10.0
"""Curve points wait this long before the first write, then twice as long each time, up to the second number."""
WAITING = 800
"""Curve points that are written without waiting any longer: one batch still takes them."""
NAME_LIMIT = 250
METRIC_NAME = re.compile(r"[\w.\- :/]+")


class Run:
    """One run, open for writing. Made by `Store.start` and `Store.resume`."""

    def __init__(self, store: Store, run_id: str, experiment_id: str) -> None:
        self.id = run_id
        self.experiment = experiment_id
        self._store = store
        self._files = artifacts.Writer(
            store.client if store.remote else None, run_id, artifacts.folder(store.folder, experiment_id, run_id)
        )
        self._points: list[Metric] = []
        self._flushed = time.monotonic()
        self._wait = FIRST_FLUSH_S

    # ------------------------------------------------------------------------------------------------- scores

    def epoch_scores(self, step: int, values: Mapping[str, float]) -> None:
        """Record an epoch's scores, such as ``{"train/loss": 0.3, "val/mae": 0.4}``: points of curves.

        They are kept here until 1, 2, 4, 8, then 10 seconds have passed since the last write, so that a curve is seen
        while it grows and costs little more than one write at the end. A score that is NaN or infinite is a point too
        (MLflow keeps NaN by a flag and infinity as the largest number): a curve shows where it diverged.
        """
        self._points += self._metrics({record.curve(name): value for name, value in values.items()}, step)
        if time.monotonic() - self._flushed >= self._wait or len(self._points) >= WAITING:
            self._wait = min(2 * self._wait, LAST_FLUSH_S)
            # a fit does not stand still for a curve: what cannot be written now is written with the next points
            with contextlib.suppress(StoreAway), self._store.patience.not_waiting():
                self.flush()

    def flush(self) -> None:
        """Write the curve points that are waiting."""
        self._write({})

    def metrics(self, values: Mapping[str, float]) -> None:
        """Record scores and costs by full name (`affect.record.metric`), now.

        One that is NaN is not recorded: a score that is undefined is absent, never a number.
        """
        self._write({}, self._scores(values))

    def params(self, values: Mapping[str, Any]) -> None:
        """Record parameters as text, now; UserError for one that MLflow would cut."""
        check_params(values)
        self._write({}, params={name: str(value) for name, value in values.items()})

    def tags(self, values: Mapping[str, str]) -> None:
        """Set the record's tags by name without prefix, now; UserError for a value that MLflow would cut."""
        self._write(values)

    def _scores(self, values: Mapping[str, float]) -> list[Metric]:
        return self._metrics({name: value for name, value in values.items() if not math.isnan(value)}, 0)

    def _metrics(self, values: Mapping[str, float], step: int) -> list[Metric]:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        for name in values:
            if not METRIC_NAME.fullmatch(name) or "//" in name or len(name) > NAME_LIMIT:
                raise UserError(
                    f"metric {name!r}: a name of at most {NAME_LIMIT} letters, digits, spaces and _ - . : / is "
                    "expected; rename the data's column"
                )
        return [Metric(name, float(value), now, step) for name, value in values.items()]

    def _write(
        self, tags: Mapping[str, str], scores: list[Metric] | None = None, params: Mapping[str, str] | None = None
    ) -> None:
        self._flushed = time.monotonic()
        self._store.write(self.id, self._points + (scores or []), params, full_tags(tags))
        self._points = []

    # ---------------------------------------------------------------------------------------------- artifacts

    def table(self, name: str, frame: pd.DataFrame) -> None:
        """Keep a table as Parquet, without its index; its columns are those of `affect.record.COLUMNS` and more."""
        missing = [column for column in record.COLUMNS.get(name, ()) if column not in frame.columns]
        if missing:
            raise ValueError(f"{name} lacks the columns {', '.join(missing)}")
        self._file(name, lambda path: frame.to_parquet(path, index=False))

    def json(self, name: str, value: Any) -> None:
        """Keep a JSON file. NumPy's numbers and arrays are taken; NaN and infinity, which JSON has not, are refused."""
        text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False, default=lambda v: v.tolist())
        self.text(name, text + "\n")

    def text(self, name: str, text: str) -> None:
        """Keep a text file, as UTF-8."""
        self._file(name, lambda path: path.write_text(text, encoding="utf-8", errors="backslashreplace"))

    def _file(self, name: str, write: Callable[[Path], Any]) -> None:
        def attempt() -> None:
            with self._files.writing(name) as path:
                write(path)

        self._store.patience.call(attempt)

    @contextlib.contextmanager
    def folder(self, name: str) -> Iterator[Path]:
        """Yield an empty folder to fill; it becomes the run's folder `name` when the block ends well."""
        with self._files.filling(name) as path:
            yield path

    def listed(self) -> dict[str, str]:
        """Return the tags `artifacts` and `hashes`: the files and folders that the run has now."""
        hashes = self._files.hashes()
        names = self._files.names() if hashes is None else sorted(hashes)
        return {"artifacts": record.to_json(names), **({} if hashes is None else {"hashes": record.to_json(hashes)})}

    # -------------------------------------------------------------------------------------------------- ending

    def close(
        self,
        state: str,
        reason: str = "",
        metrics: Mapping[str, float] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """End the run: what waits, last scores and tags, the list of its artifacts and its state.

        These are one write, and MLflow's status is another after it: a run that was killed between the two has its
        state and is RUNNING to MLflow. `Store.end` ends such a one.

        Parameters
        ----------
        state : `record.State`: complete and pruned runs are FINISHED to MLflow, failed ones FAILED, a
            stopped study KILLED.
        reason : why a failed or pruned run ended; where it is too long for a tag it is shortened, and says so.
        """
        closing = {**(tags or {}), "state": state, **self.listed()}
        if reason:
            closing["reason"] = shorten(reason)
        self._write(closing, self._scores(metrics or {}))
        self._store.end(self.id, state)


def shorten(text: str, limit: int = record.TAG_LIMIT) -> str:
    """Cut the middle out of a text that is longer than `limit` characters, and say in its place how much is gone."""
    if len(text) <= limit:
        return text
    note = f"\n… {len(text)} characters, shortened here; the whole is in {record.Artifact.LOG} …\n"
    half = (limit - len(note)) // 2
    return text[:half] + note + text[-half:]


def user() -> str:
    """Return the name of who runs this process; in a container its number may have none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def full_tags(values: Mapping[str, str]) -> dict[str, str]:
    """Return record tags under MLflow's full names; KeyError for one that no record has, UserError for one too long."""
    for name, value in values.items():
        if len(str(value)) > record.TAG_LIMIT:
            raise UserError(
                f"tag {name}: {len(str(value))} characters, and MLflow would cut it at {record.TAG_LIMIT} "
                "without a word"
            )
    return {record.tag(name): str(value) for name, value in values.items()}


def check_params(values: Mapping[str, Any]) -> None:
    """Raise UserError for a parameter whose text MLflow would cut."""
    for name, value in values.items():
        if len(str(value)) > record.PARAM_LIMIT:
            raise UserError(
                f"parameter {name}: {len(str(value))} characters, and MLflow would cut it at {record.PARAM_LIMIT} "
                "without a word"
            )
