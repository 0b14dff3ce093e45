"""The data of a protocol as tables: samples, groups and classes by part, targets, annotators, frames, what was skipped.

All is read from what a study's run keeps: split.parquet, annotations.parquet and data_summary.json. Draws nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from affect.record import PARTS
from dashboard.results import caveats

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_CLASS = "no class"
TRUE = "true_"
GAP = 1.5
"""A step between two frames that is longer than so many usual steps of its recording has lost frames in it."""
SHOWN_ELSEWHERE = ("notes", "samples", "groups", "groups_of_class", "skipped", "skipped_rows", "frames_by_sequence")
"""Keys of data_summary.json that have a table of their own."""


def parts(split: pd.DataFrame, group_kind: str) -> pd.DataFrame:
    """Return a row per part, or per fold of data that is tested by folds: its samples and its groups."""
    by = "fold" if "fold" in split else "part"
    counted = split.groupby(by, sort=False).agg(samples=("sample", "size"), groups=("group", "nunique"))
    if by == "part":
        counted = counted.reindex([part for part in PARTS if part in counted.index])
    else:
        counted = counted.sort_index()
    return counted.rename(columns={"groups": group_kind}).reset_index()


def classes(split: pd.DataFrame) -> pd.DataFrame:
    """Return a row per class and part: label, part, samples, groups; empty where the data has no classes."""
    if "label" not in split:
        return pd.DataFrame(columns=["label", "part", "samples", "groups"])
    named = split.assign(label=split["label"].fillna("").astype(str).replace("", NO_CLASS))
    counted = named.groupby(["label", "part"]).agg(samples=("sample", "size"), groups=("group", "nunique"))
    return counted.reset_index()


def targets(split: pd.DataFrame, annotations: pd.DataFrame | None, predictions: pd.DataFrame | None) -> pd.DataFrame:
    """Return sample, part and the targets of each sample: of the annotations, else the truth of a final's predictions.

    Targets that are names of classes are left out: `classes` counts them.
    """
    if annotations is not None:
        labels = annotations[annotations["annotator"] == ""]
        columns = target_names(annotations)
        return split[["sample", "part"]].merge(labels[["sample", *columns]], on="sample")
    if predictions is None:
        return split[["sample", "part"]]
    truth = {
        name: name.removeprefix(TRUE)
        for name in map(str, predictions.columns)
        if name.startswith(TRUE) and pd.api.types.is_numeric_dtype(predictions[name])
    }
    return predictions[["sample", "part", *truth]].rename(columns=truth)


def target_names(annotations: pd.DataFrame) -> list[str]:
    """Return the names of the targets of annotations.parquet."""
    return [name for name in map(str, annotations.columns) if name not in ("sample", "sequence", "time", "annotator")]


def distribution(values: pd.DataFrame, target: str, bins: int = 20) -> pd.DataFrame:
    """Return a row per part and bin of a target: part, from, to, samples, and the share of the part's samples."""
    known = values[np.isfinite(values[target].astype(float))]
    if known.empty:
        return pd.DataFrame(columns=["part", "from", "to", "samples", "share"])
    edges = np.histogram_bin_edges(known[target].astype(float), bins)
    rows = []
    for part in [part for part in PARTS if (known["part"] == part).any()]:
        counts, _ = np.histogram(known.loc[known["part"] == part, target].astype(float), edges)
        rows.append(
            pd.DataFrame(
                {"part": part, "from": edges[:-1], "to": edges[1:], "samples": counts, "share": counts / counts.sum()}
            )
        )
    return pd.concat(rows, ignore_index=True)


def frames(annotations: pd.DataFrame) -> pd.DataFrame:
    """Return a row per recording: its samples, its length in seconds, samples per second, and how many are lost.

    The rate is that of the median step. A step of k usual ones counts as k − 1 lost samples.
    """
    rows = []
    labels = annotations[annotations["annotator"] == ""]
    for sequence, times in labels.groupby("sequence", sort=True)["time"]:
        steps = np.diff(np.sort(times.to_numpy(float)))
        steps = steps[steps > 0]
        usual = float(np.median(steps)) if len(steps) else np.nan
        gaps = steps[steps > GAP * usual] if len(steps) else steps
        lost = int(np.sum(np.round(gaps / usual) - 1)) if len(gaps) else 0
        rows.append((str(sequence), len(times), float(times.max() - times.min()), 1 / usual, lost))
    columns = ["recording", "samples", "seconds", "samples per second", "lost samples"]
    return pd.DataFrame(rows, columns=columns)


def faces_by_recording(summary: Mapping[str, Any]) -> pd.DataFrame:
    """Return a row per recording with what the reader counted of its frames, such as those without a face."""
    found = summary.get("frames_by_sequence")
    if not isinstance(found, dict) or not all(isinstance(counts, dict) for counts in found.values()):
        return pd.DataFrame()
    return pd.DataFrame.from_dict(found, orient="index").rename_axis("recording").reset_index()


def trace(annotations: pd.DataFrame, sequence: str, target: str) -> pd.DataFrame:
    """Return time, annotator ("" for the label) and value of a target in one recording, in time order."""
    rows = annotations[(annotations["sequence"].astype(str) == sequence) & annotations[target].notna()]
    found = rows[["time", "annotator", target]].rename(columns={target: "value"})
    return found.sort_values(["annotator", "time"], kind="stable").reset_index(drop=True)


def skipped(summary: Mapping[str, Any]) -> pd.DataFrame:
    """Return a row per reason: why samples were skipped, how many, and the first of their names."""
    found = summary.get("skipped_rows")
    rows = []
    for why, about in found.items() if isinstance(found, dict) else ():
        if isinstance(about, dict) and about.get("count"):
            first = about.get("first")
            rows.append((str(why), about["count"], ", ".join(map(str, first)) if isinstance(first, list) else ""))
    return pd.DataFrame(rows, columns=["what was skipped", "count", "first"])


def others(summary: Mapping[str, Any]) -> pd.DataFrame:
    """Return what else a data_summary.json says, a row per value; of nested values the names are joined."""
    rows: list[tuple[str, str]] = []

    def add(name: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                add(f"{name}, {key}" if name else str(key).replace("_", " "), inner)
        elif isinstance(value, list):
            rows.append((name, ", ".join(map(str, value)) or "none"))
        else:
            rows.append((name, str(value)))

    add("", {key: value for key, value in summary.items() if key not in SHOWN_ELSEWHERE})
    return pd.DataFrame(rows, columns=["what", "value"])


def leaks(split: pd.DataFrame, annotations: pd.DataFrame | None, group_kind: str) -> pd.DataFrame:
    """Return a row for each group and each recording that stands in two parts: kind, name, parts, samples.

    Of data that is tested by folds the parts are the folds that test a sample.
    """
    rows = _divided(split, "group", group_kind)
    if annotations is not None:
        owners = annotations.loc[annotations["annotator"] == "", ["sample", "sequence"]]
        rows += _divided(split.merge(owners, on="sample"), "sequence", "recording")
    return pd.DataFrame(rows, columns=["kind", "name", "parts", "samples"])


def _divided(split: pd.DataFrame, column: str, kind: str) -> list[tuple[str, str, str, int]]:
    by = "fold" if "fold" in split else "part"
    several = split.groupby(column)[by].nunique()
    names = several[several > 1].index
    found = []
    for name in names:
        of = split[split[column] == name]
        found.append((kind, str(name), ", ".join(sorted(map(str, of[by].unique()))), len(of)))
    return found


def copies(summary: Mapping[str, Any]) -> list[str]:
    """Return the reader's notes that say that samples of test stand in another part as well."""
    return [note for note in caveats.notes(summary) if any(words in note for words in caveats.COPIES)]
