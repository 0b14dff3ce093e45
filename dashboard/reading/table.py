"""From what a store holds, one row a tag, parameter or metric, to one row a run. Both readers end here.

Arrow's integer codes do the pivot: strings are compared once per distinct value, not once per row.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from affect import record
from dashboard.reading.metrics import STR, Metrics

INTEGER = (
    *("record", "seed", "test_folds", "fold", "trial", "retry_of", "trials_total", "repeats", "seeds", "best_trial"),
    "metric_version",
)
FLOAT = ("deadline", "best_value")
BOOLEAN = ("synthetic", "error", "frozen", "archived")
TEXT = ("needs", "artifacts", "command", "note", "labels", "reason")
"""Tags by their type; all others are categories. A tag that a run has not is missing, or False."""

PARAM = "param."
LARGEST = float(np.finfo(np.float64).max)


class Long(NamedTuple):
    """What a store holds, as Arrow tables.

    Parameters
    ----------
    runs : run, name, user, status, start, end (ms or null), experiment_id, experiment: those that are not deleted.
    tags, params : run, key, value (text).  metrics : run, key, value (float64).
    """

    runs: pa.Table
    tags: pa.Table
    params: pa.Table
    metrics: pa.Table


class Column(NamedTuple):
    """An Arrow column as integer codes into its distinct values."""

    codes: NDArray[np.int32]
    values: pa.Array


def is_run_metric(name: str) -> bool:
    """Return whether a metric is one of the run's: scores and costs, not curves or other programs' own."""
    return "/" in name and not name.startswith((record.CURVE, PARAM))


def encode(column: Any) -> Column:
    """Return a chunked text or dictionary column as codes (n,) and distinct values."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    whole = column.unify_dictionaries().combine_chunks()
    if isinstance(whole, pa.ChunkedArray):  # no chunk at all
        whole = whole.chunk(0) if whole.num_chunks else pa.array([], pa.string()).dictionary_encode()
    return Column(whole.indices.to_numpy(zero_copy_only=False).astype(np.int32, copy=False), whole.dictionary)


class Runs(NamedTuple):
    """All runs of a store, oldest first.

    Parameters
    ----------
    table : one row a run: tags and parameters, as `dashboard.store.Store.runs` describes.
    metrics : scores and costs of the same runs.
    """

    table: pd.DataFrame
    metrics: Metrics

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Runs:
        """Return a wide table, with a column a metric, as runs."""
        names = [column for column in frame.columns if is_run_metric(str(column))]
        return cls(frame.drop(columns=names), Metrics.from_table(frame[names]))

    def wide(self) -> pd.DataFrame:
        """Return one row a run with a column for every metric as well: large where there are many runs."""
        metrics = self.metrics.table(np.arange(len(self.table)), self.table.index)
        whole = pd.concat([self.table, metrics], axis=1)
        whole.attrs = self.table.attrs
        return whole


def read(long: Long) -> Runs:
    """Return the runs of what a store holds."""
    tags = long.tags
    tag_run, tag_key, tag_value = encode(tags["run"]), encode(tags["key"]), encode(tags["value"])
    kind, nothing = pc.index(tag_key.values, record.tag("kind")).as_py(), pc.index(tag_value.values, "").as_py()
    ours = tag_run.values.take(np.unique(tag_run.codes[(tag_key.codes == kind) & (tag_value.codes != nothing)]))

    runs = long.runs.filter(pc.is_in(long.runs["run"], value_set=_plain(ours, long.runs["run"].type)))
    runs = runs.sort_by([("start", "ascending"), ("run", "ascending")]).combine_chunks()
    ids = runs["run"]
    index = pd.Index(_text(ids), name="run_id")

    place = _places(tag_run, ids)
    found = {
        name: _tag(name, codes, tag_value.values)
        for name, codes in _by_tag(place, tag_key, tag_value.codes, len(runs)).items()
    }
    for name in ("experiment", "experiment_id", "name", "user", "status"):
        text = runs[name]
        found[name] = _text(text) if name == "name" else _category(*encode(text))
    for name in ("start", "end"):
        found[name] = times(runs[name].to_numpy()).array
    params = _params(long.params, ids)
    frame = pd.DataFrame({**found, **params}, index=index)
    frame.attrs[UNREADABLE] = _unreadable(frame, place, tag_key, tag_value)
    return Runs(frame, _metrics(long.metrics, ids))


UNREADABLE = "unreadable"
"""Key of a run table's attrs: run id → what a tag that holds no number holds, a sentence each."""


def _unreadable(frame: pd.DataFrame, place: NDArray[np.int64], key: Column, value: Column) -> dict[str, list[str]]:
    """Return the tags that should hold a number and hold something else: in the table they are missing."""
    groups = _groups(key, place >= 0)
    found: dict[str, list[str]] = {}
    for name in (*INTEGER, *FLOAT):
        rows = groups.get(record.tag(name))
        if rows is None:
            continue
        lost = rows[frame[name].isna().to_numpy()[place[rows]]]
        for row in lost:
            text = value.values[int(value.codes[row])].as_py()
            if text:
                expected = "a whole number" if name in INTEGER else "a number"
                said = f"{name}: expected {expected}, found {text if len(text) <= 40 else text[:37] + '…'}"
                found.setdefault(str(frame.index[place[row]]), []).append(said)
    return found


FIRST_MS, LAST_MS = -9_223_372_036_854, 9_223_372_036_854
"""The years 1677 and 2262, between which a time in nanoseconds can lie."""


def times(ms: Any) -> pd.Series:
    """Return milliseconds since 1970 (n,) as UTC; missing where they are, or where they are beyond every calendar."""
    numbers = pd.Series(ms, dtype=float)
    return pd.to_datetime(numbers.where(numbers.between(FIRST_MS, LAST_MS)).round(), unit="ms", utc=True)


def _plain(values: pa.Array, kind: pa.DataType) -> pa.Array:
    return values.cast(kind) if values.type != kind else values


def _places(run: Column, ids: Any) -> NDArray[np.int64]:
    """Return each row's place in the table, (n,), -1 where its run is not in it."""
    place = pc.fill_null(pc.index_in(_plain(run.values, ids.type), value_set=ids), -1)
    places: NDArray[np.int64] = place.to_numpy(zero_copy_only=False).astype(np.int64)[run.codes]
    return places


def _groups(key: Column, keep: NDArray[np.bool_]) -> dict[str, NDArray[np.int64]]:
    """Return for each key the rows that have it, of those to keep, sorted by key."""
    rows = np.flatnonzero(keep)
    # 16-bit integers are sorted by radix
    small = key.codes.astype(np.uint16) if len(key.values) < 65_536 else key.codes
    order = rows[np.argsort(small[rows], kind="stable")]
    ends = np.cumsum(np.bincount(key.codes[rows], minlength=len(key.values)))
    pieces = np.split(order, ends[:-1]) if len(ends) else []
    names = key.values.to_pylist()
    return {name: piece for name, piece in sorted(zip(names, pieces, strict=True)) if len(piece)}


# ---------------------------------------------------------------------------------------------------------- tags


def _by_tag(place: NDArray[np.int64], key: Column, codes: NDArray[np.int32], n: int) -> dict[str, NDArray[np.int32]]:
    """Return for every tag of a record, and the parent, the value's code by run, (n,), -1 where it is missing."""
    groups = _groups(key, place >= 0)
    found = {}
    for name, full in {**{t: record.tag(t) for t in record.TAGS}, "parent": record.PARENT}.items():
        column = np.full(n, -1, np.int32)
        rows = groups.get(full)
        if rows is not None:
            column[place[rows]] = codes[rows]
        found[name] = column
    return found


def _tag(name: str, codes: NDArray[np.int32], values: pa.Array) -> Any:
    if name in TEXT or name == "parent":
        return _text(values.take(pa.array(codes, mask=codes < 0)))
    if name not in (*INTEGER, *FLOAT, *BOOLEAN):
        return _category(codes, values)
    used, inverse = np.unique(codes, return_inverse=True)
    texts = [values[int(code)].as_py() if code >= 0 else "" for code in used]
    if name in BOOLEAN:
        return np.array([text == "true" for text in texts], bool)[inverse]
    numbers = np.array([_number(text) for text in texts], float)
    if name in FLOAT:
        return numbers[inverse]
    return _integers(numbers[inverse])


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:  # a tag that somebody else wrote
        return np.nan


def _integers(numbers: NDArray[np.float64]) -> Any:
    bad = ~np.isfinite(numbers) | (numbers != np.floor(numbers)) | (np.abs(numbers) >= 2**53)
    return pd.arrays.IntegerArray(np.where(bad, 0, numbers).astype(np.int64), bad)


def _category(codes: NDArray[np.int32], values: pa.Array) -> pd.Categorical:
    """Return codes into `values` as a categorical of those that occur, in the order of their text."""
    used, inverse = np.unique(codes, return_inverse=True)
    missing = int(len(used) > 0 and used[0] < 0)
    texts = values.take(pa.array(used[missing:]))
    order = pc.sort_indices(texts).to_numpy()
    rank = np.empty(len(used), np.int64)
    rank[:missing] = -1
    rank[missing + order] = np.arange(len(order))
    return pd.Categorical.from_codes(rank[inverse], categories=pd.Index(_text(texts.take(pa.array(order)))))


def _text(values: Any) -> Any:
    # what pandas itself calls to make its text column of Arrow's without copying
    return STR.__from_arrow__(values.cast(pa.large_string()))  # type: ignore[attr-defined]


# ----------------------------------------------------------------------------------------------------- parameters


def _params(table: pa.Table, ids: Any) -> dict[str, Any]:
    """Return each parameter's column: Int64 or float64 where every value is a number, else a category of texts."""
    run, key = encode(table["run"]), encode(table["key"])
    place = _places(run, ids)
    values = table["value"].combine_chunks()
    if isinstance(values, pa.ChunkedArray):
        values = pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], pa.string())
    found: dict[str, Any] = {}
    for name, rows in _groups(key, place >= 0).items():
        texts, where = values.take(pa.array(rows)), place[rows]
        numbers = _numbers(texts)
        if numbers is None:
            codes = np.full(len(ids), -1, np.int32)
            encoded = texts.dictionary_encode()
            codes[where] = encoded.indices.to_numpy()
            found[PARAM + name] = _category(codes, encoded.dictionary)
            continue
        column = np.full(len(ids), np.nan)
        column[where] = numbers.to_numpy()
        found[PARAM + name] = _integers(column) if pa.types.is_integer(numbers.type) else column
    return found


def _numbers(texts: pa.Array) -> pa.Array | None:
    """Return texts as int64, or float64 where one is no integer, or None where one is no number."""
    first = texts[0].as_py()
    kinds = (pa.int64(), pa.float64()) if first.lstrip("-").isdigit() else (pa.float64(),)
    for kind in kinds:
        try:
            numbers = texts.cast(kind)
        except pa.ArrowInvalid:
            continue
        # beyond 2^53 a column of floats would change an integer: it stays text
        exact = kind == pa.float64() or pc.max(pc.abs_checked(numbers)).as_py() < 2**53
        return numbers if exact else None
    return None


# -------------------------------------------------------------------------------------------------------- metrics


def _metrics(table: pa.Table, ids: Any) -> Metrics:
    run, key = encode(table["run"]), encode(table["key"])
    place = _places(run, ids)
    names = key.values.to_pylist()
    use = np.array([is_run_metric(name) for name in names], bool)
    keep = (place >= 0) & use[key.codes] if len(names) else place >= 0
    values = table["value"].to_numpy()[keep]
    # MLflow keeps infinity as the largest number
    huge = np.abs(values) >= LARGEST
    values = np.where(huge, np.copysign(np.inf, values), values)
    there = ~np.isnan(values)
    return Metrics(names, place[keep][there], key.codes[keep][there], values[there], len(ids))
