"""Methods, data sets and evaluations by name. A file's path is its name; listing imports nothing."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from training.contract import UserError
from training.file_settings import FileSetting
from training.messages import unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.contract import Evaluation, Method, Params, Settings
    from training.data import Reader

ROOT = Path(__file__).resolve().parent
CHECKOUT = ROOT.parent


def _stems(folder: Path) -> list[str]:
    return sorted(p.stem for p in folder.glob("*.py") if not p.stem.startswith("_"))


def methods() -> list[str]:
    """Return every method's name, ``family/method``."""
    families = sorted(p for p in (ROOT / "methods").iterdir() if (p / "__init__.py").exists())
    return [f"{family.name}/{stem}" for family in families for stem in _stems(family)]


def datasets() -> list[str]:
    """Return every reader's name."""
    return _stems(ROOT / "datasets")


def evaluations() -> list[str]:
    """Return every evaluation's name."""
    return _stems(ROOT / "evaluation")


def _module(name: str, known: list[str], what: str, package: str) -> ModuleType:
    if name not in known:
        raise UserError(unknown(name, known, what))
    return importlib.import_module(f"{package}.{name.replace('/', '.')}")


def method(name: str) -> ModuleType:
    """Import the method `name`; UserError with the nearest names where there is none."""
    return _module(name, methods(), "method", "training.methods")


def space(name: str) -> ModuleType:
    """Import the search space of the method `name`."""
    return _module(name, methods(), "method", "search_spaces")


def tiny(name: str) -> tuple[Params, Settings]:
    """Return the TINY of the space of the method `name` apart: its parameters, and the settings that it names."""
    declared, settings = space(name).TINY, method(name).METHOD.settings
    return (
        {key: value for key, value in declared.items() if key not in settings},
        {key: value for key, value in declared.items() if key in settings},
    )


def dataset(name: str) -> ModuleType:
    """Import the reader `name`; UserError with the nearest names where there is none."""
    return _module(name, datasets(), "data set", "training.datasets")


def reader(name: str) -> Reader:
    """Return what the reader `name` declares."""
    declared: Reader = dataset(name).READER
    return declared


def synthetic(data: str) -> str:
    """Return the name of the synthetic data set of a kind of data: motion, faces, meshes, frames or fusion."""
    (name,) = (name for name in datasets() if name.startswith("synthetic_") and reader(name).data == data)
    return name


def evaluation(name: str) -> Evaluation:
    """Return what the evaluation `name` declares."""
    declared: Evaluation = _module(name, evaluations(), "evaluation", "training.evaluation").EVALUATION
    return declared


def choices(method: Method, reader: Reader) -> dict[str, tuple[Any, ...]]:
    """Return every setting of a study with its allowed values: the data set's and the method's."""
    return {**reader.settings, **method.settings}


def value_texts(values: tuple[Any, ...]) -> list[str]:
    """Return a setting's allowed values as a person types them."""
    return [*map(str, values), *(["FILE"] if isinstance(values, FileSetting) else [])]


def settings(texts: Mapping[str, str], allowed: Mapping[str, tuple[Any, ...]]) -> Settings:
    """Turn ``--set`` texts into a value for each setting, defaults where none is given.

    A given text is matched against the allowed values' own text, so that ``latent_size=2`` is the integer 2. Of a
    setting that takes a file, any other text is the file's path.
    """
    for name in texts:
        if name not in allowed:
            raise UserError(unknown(name, allowed, "setting"))
    chosen = {name: values[0] for name, values in allowed.items()}
    for name, text in texts.items():
        values = allowed[name]
        by_text = {str(value): value for value in values}
        if text not in by_text and isinstance(values, FileSetting):
            chosen[name] = values.value(name, text)
            continue
        if text not in by_text:
            raise UserError(unknown(text, by_text, f"value of setting {name}") + f" (one of {', '.join(by_text)})")
        chosen[name] = by_text[text]
    return chosen
