"""An empty, migrated store made once a session and copied for each test: 0.01 s instead of MLflow's seconds."""

from __future__ import annotations

import atexit
import shutil
import sqlite3
import tempfile
from functools import cache
from pathlib import Path

from training.tracking import embedded


@cache
def _template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="affectory-store-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    embedded.prepare_mlflow(folder / embedded.MLFLOW_FILE, folder)
    embedded.prepare_optuna(folder / embedded.OPTUNA_FILE)
    return folder


def copy(folder: Path) -> Path:
    """Make an empty store in `folder`, as `Store.open(folder)` would, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "artifacts").mkdir(exist_ok=True)
    for name in (embedded.MLFLOW_FILE, embedded.OPTUNA_FILE):
        shutil.copyfile(_template() / name, folder / name)
    connection = sqlite3.connect(folder / embedded.MLFLOW_FILE)
    connection.execute("UPDATE experiments SET artifact_location = ?", (embedded.artifact_location(folder, 0),))
    connection.commit()
    connection.close()
    return folder
