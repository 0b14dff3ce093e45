"""The page Latent space: the codes of one or several runs on a plane, sample by sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from affect import projections
from affect.record import Artifact
from dashboard import projecting
from dashboard.figures import latent
from dashboard.figures.latent import Plane
from dashboard.views import sample as sample_panel
from dashboard.views.ask import Ask
from dashboard.views.choice import Choice
from dashboard.views.items import Item, Message, Section, Waiting
from dashboard.views.view import Page, View

if TYPE_CHECKING:
    from dashboard.results.record import Record

COMMAND = "python -m training study faces/face_vae_continuous --dataset synthetic_faces"
MOST = 4
"""Runs side by side: a figure takes two WebGL contexts, and a browser has eight to sixteen."""
STORED = "as stored"
HAND = "Click a dot to look at its sample. The lasso and the box in a figure's corner list the samples inside."


@dataclass(frozen=True)
class Coded:
    """A final run with codes; `known` is what is known of its samples (`latent.about`)."""

    name: str
    record: Record
    known: pd.DataFrame
    stored: pd.DataFrame | None
    codes: tuple[str, ...]


def coded_runs(choice: Choice) -> dict[str, Coded]:
    """Return the final run of each row that has codes, those with stored projections first."""

    def make(name: str, record: Record) -> Coded:
        def table(artifact: str) -> pd.DataFrame | None:
            return choice.read.table(record.run_id, artifact) if artifact in record.artifacts else None

        known = latent.about(None)
        with choice.guard(name):
            known = latent.about(table(Artifact.PREDICTIONS), table(Artifact.RECONSTRUCTIONS), record.group_kind)
        stored = table(Artifact.PROJECTIONS)
        source = stored if stored is not None else table(Artifact.EMBEDDINGS)
        return Coded(name, record, known, stored, tuple(latent.codes(source)) if source is not None else ())

    found = choice.first(Artifact.PROJECTIONS, Artifact.EMBEDDINGS)
    if len(found) > MOST:
        choice.say(Message(f"The first {MOST} of {len(found)} runs: a browser draws no more such figures at once."))
    return choice.map(dict(list(found.items())[:MOST]), make)


def ask_parameters(ask: Ask, algorithm: str) -> tuple[dict[str, float], int | None]:
    """Ask for the parameters of an algorithm, and a seed; None is the seed of what is stored."""
    labels = {"perplexity": "Perplexity", "neighbours": "Neighbours", "min_dist": "Least distance"}
    keys = {"min_dist": "distance"}
    defaults = projections.ALGORITHMS[algorithm]
    if not defaults:
        return {}, None
    parameters = {
        name: float(
            ask.one(
                labels[name],
                [f"{offered:g}" for offered in latent.OFFERED[name]],
                keys.get(name, name),
                f"{default:g}",
                fixed=True,
            )
        )
        for name, default in defaults.items()
    }
    seed = ask.one("Seed", [STORED, "1", "2", "3", "4", "5"], "draw", fixed=True)
    return parameters, None if seed == STORED else int(seed)


# ------------------------------------------------------------------------------------------------------ projecting


@dataclass(frozen=True)
class Wanted:
    """What is to be drawn: a code, an algorithm with its parameters, and a seed (None: as stored)."""

    code: str
    algorithm: str
    parameters: Mapping[str, float]
    seed: int | None


def plane_of(choice: Choice, run: Coded, wanted: Wanted) -> tuple[Plane | None, projecting.Job | None]:
    """Return a run's plane, or the job that makes it; neither where the run has no such code."""
    stored = (
        latent.kept(run.stored, wanted.code, wanted.algorithm, run.record.run_id, run.name)
        if run.stored is not None
        else None
    )
    if stored is not None and wanted.seed in (None, stored.seed):
        usable = projections.usable(wanted.algorithm, dict(wanted.parameters), len(stored.table))
        if usable == dict(stored.parameters or {}):
            return stored, None
    if Artifact.EMBEDDINGS not in run.record.artifacts:
        return None, None
    samples, values = latent.values(choice.read.table(run.record.run_id, Artifact.EMBEDDINGS), wanted.code)
    rows = latent.to_project(samples, None if stored is None else stored.table["sample"])
    if len(rows) < 4 or values.shape[1] < 2:
        return None, None
    seed = wanted.seed if wanted.seed is not None else stored.seed if stored is not None else 0
    job = projecting.jobs().ask(values[rows], wanted.algorithm, wanted.parameters, seed)
    if not job.future.done():
        return None, job
    if words := job.error():
        raise ValueError(words)
    return latent.made(
        job.future.result(), samples.iloc[rows], wanted.algorithm, seed, run.record.run_id, run.name
    ), None


def planes(choice: Choice, runs: Mapping[str, Coded], wanted: Wanted) -> tuple[list[Plane], list[projecting.Job]]:
    """Return each run's plane as stored, else made now; while that takes its time, all by PCA, and the jobs."""
    found = choice.map(runs, lambda name, run: plane_of(choice, run, wanted))
    jobs = [job for _, job in found.values() if job is not None]
    if jobs:
        pca = Wanted(wanted.code, "pca", {}, None)
        found = choice.map({name: runs[name] for name in found}, lambda name, run: plane_of(choice, run, pca))
    made = {name: plane for name, (plane, _) in found.items() if plane is not None}
    if left := [name for name in found if name not in made]:
        choice.say(
            Message(
                f"Not shown, because code {wanted.code} is missing or has fewer than two dimensions: {_list(left)}."
            )
        )
    counted = [replace(plane, total=max(len(plane.table), len(runs[name].known))) for name, plane in made.items()]
    joined = [latent.joined(plane, runs[plane.name].known) for plane in latent.together(counted)]
    return joined, jobs


def progress(jobs: Sequence[projecting.Job]) -> float:
    """Return the share of some projections that is done, and say that a page still waits for them."""
    for job in jobs:
        job.keep()
    return sum(1.0 if job.future.done() else min(job.share, 0.99) for job in jobs) / len(jobs)


# ---------------------------------------------------------------------------------------------------------- drawing


def picked(ask: Ask, number: int, plane: Plane, signature: str, selection: Any) -> None:
    """Keep in the address what a person clicked or circled in a figure."""
    circled = selection.get("lasso") or selection.get("box") or []
    points = selection.get("points") or []
    if circled:
        x, y = np.array(circled[-1]["x"], float), np.array(circled[-1]["y"], float)
        if len(x) == 2:  # a box has two corners
            x, y = x[[0, 1, 1, 0]], y[[0, 0, 1, 1]]
        ask.answer("area", signature + "~" + latent.write_area(number, np.column_stack([x, y])))
    elif len(points) == 1 and (about := points[0].get("customdata")):
        # an array of numbers arrives as a list, or as {"0": …}
        row = int(about["0"] if isinstance(about, dict) else about[0])
        ask.answer("find", str(plane.table["sample"].iloc[row]))


def area(ask: Ask, signature: str, drawn: Sequence[Plane], final: bool) -> tuple[int, np.ndarray] | None:
    """Return the circled area that the address asks for: figure and corners; forget one of other figures.

    While the figure that is meant is still computed, nothing is `final`, and nothing is forgotten.
    """
    whole, _, text = ask.word("area").partition("~")
    found = latent.read_area(text) if whole == signature else None
    if found is None and whole and final:
        ask.answer("area", "")
    return found if found is not None and found[0] < len(drawn) else None


def projection(choice: Choice, ask: Ask, algorithm: str) -> Iterator[Item]:
    """Show the codes of the runs by one algorithm, and the sample or area that a person picked."""
    runs = {name: run for name, run in coded_runs(choice).items() if run.codes}
    if not runs:
        yield Message("None of these runs has a code that can be read.")
        return
    code = ask.one("Code", list(dict.fromkeys(code for run in runs.values() for code in run.codes)), "code")
    by = ask.one("Colour by", latent.colourings([run.known for run in runs.values()]) or [latent.PART], "colour")
    text = ask.text("Find a sample", "find", "part of its name, or click a dot")
    parameters, seed = ask_parameters(ask, algorithm)
    drawn, jobs = planes(choice, runs, Wanted(code, algorithm, parameters, seed))
    if jobs:
        word = latent.ALGORITHMS[algorithm]
        yield Waiting(f"{word} is being computed; PCA is shown until then.", partial(progress, jobs))
    if not drawn:
        return
    signature = latent.signature(code, drawn)
    outline = area(ask, signature, drawn, final=not jobs)
    sample, words = find(text, drawn)
    if words:
        yield Message(words)
    for number, plane in enumerate(drawn):
        corners = outline[1] if outline is not None and outline[0] == number else None
        yield Section(
            plane.name,
            plane.caption(),
            latent.draw(plane, by, sample, corners, 460 if len(drawn) > 1 else 560),
            latent.listing(plane),
            f"latent_{number}",
            across=2 if len(drawn) > 1 else 1,
            picks=partial(picked, ask, number, plane, signature),
        )
    notes = [HAND, *([latent.ABOUT_ERROR] if latent.ERROR in drawn[0].table else [])]
    if any(len(row.finals) > 1 for row in choice.rows):
        notes.append("For a study, the final run with stored projections is shown.")
    yield Section(notes=tuple(notes))
    if outline is not None:
        yield from circled(ask, drawn[outline[0]], outline[1])
    if sample is not None:
        yield from sample_panel.panel(choice, sample, code)


def find(text: str, drawn: Sequence[Plane]) -> tuple[str | None, str]:
    """Return the sample that is looked for by its name or a part of it, and what to say about it."""
    if not text:
        return None, ""
    samples = pd.concat([plane.table["sample"] for plane in drawn]).drop_duplicates()
    names = latent.matching(samples, text)
    if not names:
        return None, f"None of these samples has {text} in its name."
    several = f"{len(names)} names contain {text}; this is {names[0]}." if len(names) > 1 else ""
    return names[0], several


def circled(ask: Ask, plane: Plane, corners: np.ndarray) -> Iterator[Item]:
    """Yield the samples inside the circled area as a table."""
    rows = latent.inside(plane.points, corners)
    text = f"{int(rows.sum())} of {len(rows)} samples lie inside the selection in {plane.name}."
    frame = latent.listing(plane, rows) if rows.any() else None
    yield Section("Selected samples", text, frame=frame, key="circled")
    ask.clear("Clear selection", "area")


def _list(names: Sequence[str]) -> str:
    return ", ".join(names)


PAGE = Page(
    title="Latent space",
    how=(
        "A dot is a sample; near dots have similar codes. Axes have no unit, and in t-SNE and UMAP distances between "
        "clusters mean little. Trustworthiness is the share of neighbours here that are neighbours in the code: 1 is "
        "all of them."
    ),
    views=tuple(
        View(name, (Artifact.PROJECTIONS, Artifact.EMBEDDINGS), partial(projection, algorithm=key))
        for key, name in latent.ALGORITHMS.items()
    ),
    group="Look inside",
    place=50,
    empty="No run with a latent space has been scored yet.",
    command=COMMAND,
    key="projection",
    old_keys=("spaces",),
)

if __name__ == "__main__":
    from dashboard.views.runner import show

    show("latent")
