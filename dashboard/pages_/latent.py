"""The page Latent space: the codes of one or several runs on a plane, sample by sample."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from affect import projections
from affect.record import Artifact
from dashboard import cached, choosing, projecting, share, widgets
from dashboard.choosing import Chosen
from dashboard.figures import latent
from dashboard.figures import pictures as kept
from dashboard.figures.latent import Plane
from dashboard.results import selection
from dashboard.results import study_table as studies
from dashboard.share import Section

HOW = (
    "A dot is a sample; near dots have similar codes. Axes have no unit, and in t-SNE and UMAP distances between "
    "clusters mean little. Trustworthiness says how many neighbours here are neighbours in the code: 1 is all of them."
)
HAND = "Click a dot to look at its sample. The lasso or box in a figure's corner lists the samples that it circles."
EMPTY = "python -m training study faces/face_vae_continuous --dataset synthetic_faces"
MOST = 4  # runs side by side: a figure takes two WebGL contexts, and a browser has eight to sixteen
AS_KEPT = "as kept"


@dataclass(frozen=True)
class Run:
    """A run whose codes are drawn; `known` is what is known of its samples (`latent.about`)."""

    name: str
    run_id: str
    synthetic: bool
    files: set[str]
    known: pd.DataFrame

    def table(self, artifact: str) -> pd.DataFrame | None:
        """Return one of its tables, or None where it has none; raise Damaged."""
        return cached.table(self.run_id, artifact) if artifact in self.files else None


# -------------------------------------------------------------------------------------------------------- choosing


def read(chosen: Chosen) -> list[Run]:
    """Return the run of each chosen name that has codes, those with kept projections first; say what is left out."""
    files = chosen.finals["artifacts"].to_dict()
    ids = {**chosen.first(Artifact.EMBEDDINGS), **chosen.first(Artifact.PROJECTIONS)}
    found = []
    for name in [name for name in chosen.rows if name in ids][:MOST]:
        run_id = ids[name]
        row = studies.run(chosen.runs, run_id)
        known = latent.about(None)
        with widgets.guard():
            predicted = cached.table(run_id, Artifact.PREDICTIONS) if Artifact.PREDICTIONS in files[run_id] else None
            pictures = Artifact.RECONSTRUCTIONS in files[run_id]
            pictured = cached.table(run_id, Artifact.RECONSTRUCTIONS) if pictures else None
            known = latent.about(predicted, pictured, studies.text(row, "group_kind") or "group")
        found.append(Run(name, run_id, studies.flag(row, "synthetic"), files[run_id], known))
    if len(ids) > MOST:
        st.caption(f"The first {MOST} of {len(ids)} are drawn.")
    if any(len(of) > 1 for of in chosen.rows.values()):
        st.caption("Of a study, the run whose projections were kept is drawn.")
    return found


def choose_code(runs: list[Run]) -> str | None:
    """Let a person choose a code that some run has."""
    found: dict[str, None] = {}
    for run in runs:
        with widgets.guard():
            kept = run.table(Artifact.PROJECTIONS)
            table = kept if kept is not None else run.table(Artifact.EMBEDDINGS)
            found |= dict.fromkeys(latent.codes(table) if table is not None else [])
    return widgets.choose("Code", list(found), "code")


def choose_parameters(algorithm: str) -> tuple[dict[str, float], int | None]:
    """Let a person choose the parameters of an algorithm, and a seed; None is the seed of what was kept."""
    default = {name: f"{value:g}" for name, value in projections.ALGORITHMS[algorithm].items()}
    offered = {name: [f"{value:g}" for value in latent.OFFERED[name]] for name in default}
    if not default:
        return {}, None
    chosen: dict[str, str | None] = {}
    columns = iter(st.columns(3))
    if "perplexity" in default:
        with next(columns):
            chosen["perplexity"] = widgets.choose(
                "Perplexity", offered["perplexity"], "perplexity", default["perplexity"], fixed=True
            )
    else:
        with next(columns):
            chosen["neighbours"] = widgets.choose(
                "Neighbours", offered["neighbours"], "neighbours", default["neighbours"], fixed=True
            )
        with next(columns):
            chosen["min_dist"] = widgets.choose(
                "Least distance", offered["min_dist"], "distance", default["min_dist"], fixed=True
            )
    with next(columns):
        seed = widgets.choose("Seed", [AS_KEPT, "1", "2", "3", "4", "5"], "draw", fixed=True)
    return {k: float(v or default[k]) for k, v in chosen.items()}, None if seed in (None, AS_KEPT) else int(str(seed))


# ------------------------------------------------------------------------------------------------------ projecting


def planes(
    runs: list[Run], code: str, algorithm: str, parameters: dict[str, float], seed: int | None
) -> tuple[list[Plane], list[projecting.Job]]:
    """Return each run's plane: as it was kept, else made now; while that takes its time, all by PCA, and the jobs."""
    found: list[Plane] = []
    waiting: list[projecting.Job] = []
    readable: list[Run] = []
    for run in runs:
        with widgets.guard():
            plane, job = one(run, code, algorithm, parameters, seed)
            readable.append(run)
            found += [plane] if plane is not None else []
            waiting += [job] if job is not None else []
    if waiting:
        found = [plane for plane, _ in (one(run, code, "pca", {}, None) for run in readable) if plane is not None]
    left = [run.name for run in runs if run.run_id not in {plane.run_id for plane in found}]
    if left:
        st.caption(widgets.escape(f"Without the code {code} in two numbers or more: {', '.join(left)}."))
    known = {run.run_id: run.known for run in runs}
    return [latent.joined(p, known[p.run_id]) for p in latent.together(found)], waiting


def one(
    run: Run, code: str, algorithm: str, parameters: dict[str, float], seed: int | None
) -> tuple[Plane | None, projecting.Job | None]:
    """Return a run's plane, or the job that makes it; neither where the run has no such code. Raise Damaged."""
    kept = run.table(Artifact.PROJECTIONS)
    plane = latent.kept(kept, code, algorithm, run.run_id, run.name) if kept is not None else None
    if plane is not None and seed in (None, plane.seed):
        wanted = projections.usable(algorithm, parameters, len(plane.table))
        if wanted == dict(plane.parameters or {}):
            return plane, None
    table = run.table(Artifact.EMBEDDINGS)
    if table is None:
        return None, None
    samples, values = latent.values(table, code)
    rows = latent.to_project(samples, None if plane is None else plane.table["sample"])
    if len(rows) < 4 or values.shape[1] < 2:
        return None, None
    seeded = seed if seed is not None else plane.seed if plane is not None else 0
    job = projecting.jobs().ask(values[rows], algorithm, parameters, seeded)
    if not job.future.done():
        return None, job
    if words := job.error():
        st.error(widgets.escape(f"{run.name}: {words}"))
        return None, None
    return latent.made(job.future.result(), samples.iloc[rows], algorithm, seeded, run.run_id, run.name), None


@st.fragment(run_every=1.0)
def wait(jobs: list[projecting.Job], word: str) -> None:
    """Show how far the projections are, and show the page anew when they are there."""
    for job in jobs:
        job.keep()
    share_done = sum(1.0 if job.future.done() else job.share for job in jobs) / len(jobs)
    st.progress(min(share_done, 1.0), text=f"{word} is being computed; until then PCA is shown.")
    if all(job.future.done() for job in jobs):
        st.rerun()


# ---------------------------------------------------------------------------------------------------------- drawing


def told(number: int, plane: Plane, signature: str, chosen: Any) -> None:
    """Keep what a person clicked or circled in a figure: in the address, which `page` reads."""
    circled = chosen.get("lasso") or chosen.get("box") or []
    points = chosen.get("points") or []
    if circled:
        x, y = np.array(circled[-1]["x"], float), np.array(circled[-1]["y"], float)
        if len(x) == 2:  # a box has two corners
            x, y = x[[0, 1, 1, 0]], y[[0, 0, 1, 1]]
        st.query_params["area"] = signature + "~" + latent.write_area(number, np.column_stack([x, y]))
    elif len(points) == 1 and (about := points[0].get("customdata")):
        # an array of numbers arrives as a list, or as {"0": …}
        row = int(about["0"] if isinstance(about, dict) else about[0])
        st.session_state["find"] = str(plane.table["sample"].iloc[row])


def asked_area(signature: str, final: bool) -> tuple[int, np.ndarray] | None:
    """Return the circled area that the address asks for: figure and corners; forget one of another picture.

    While the picture that is meant is still computed, nothing is `final`, and nothing is forgotten.
    """
    whole, _, text = st.query_params.get("area", "").partition("~")
    found = latent.read_area(text) if whole == signature else None
    if found is None and final:
        forget_area()
    return found


def show(found: list[Plane], by: str, sample: str | None, area: tuple[int, np.ndarray] | None, signature: str) -> None:
    """Draw the planes side by side, one under the other on a phone."""
    for first in range(0, len(found), 2):
        places = st.columns(2) if len(found) > 1 else [st.container()]
        for number, (place, plane) in enumerate(zip(places, found[first : first + 2], strict=False), first):
            with place:
                st.markdown(f"**{widgets.escape(plane.name)}**")
                corners = area[1] if area is not None and area[0] == number else None
                figure = latent.draw(plane, by, sample, corners, 460 if len(found) > 1 else 560)
                widgets.circled(figure, f"plane_{number}", partial(told, number, plane, signature))
                st.caption(widgets.escape(plane.caption()))
                with st.expander("Table and downloads"):
                    widgets.table(latent.listing(plane), f"latent_{number}", fig=figure)


def meant(text: str, found: list[Plane]) -> str | None:
    """Return the sample that is looked for by its name or a part of it."""
    samples = pd.concat([plane.table["sample"] for plane in found]).drop_duplicates()
    names = latent.matching(samples, text)
    if text and not names:
        st.info(widgets.escape(f"None of these samples has {text} in its name."))
    elif len(names) > 1:
        st.caption(widgets.escape(f"{len(names)} names contain {text}; this is {names[0]}."))
    return names[0] if names else None


def about_sample(sample: str, runs: list[Run], found: list[Plane], code: str) -> None:
    """Show a sample: its picture where that is allowed, and its nearest neighbours in each run's code."""
    st.subheader(widgets.escape(sample), anchor=False)
    pictures(sample, runs)
    drawn = {plane.run_id: plane for plane in found}
    for number, run in enumerate(run for run in runs if run.run_id in drawn):
        with widgets.guard():
            table = run.table(Artifact.EMBEDDINGS)
            if table is None:
                continue
            near = latent.neighbours(table, code, sample, run.known)
            st.markdown(f"**{widgets.escape(f'Nearest in {code} of {run.name}')}**")
            if near.empty:
                st.caption("This run has no such sample.")
            else:
                widgets.table(near, f"near_{number}")
    st.caption("Distances are Euclidean, in the code itself and not in the picture, among all samples of the run.")


def pictures(sample: str, runs: list[Run]) -> None:
    """Show the pictures that the runs kept of a sample, where they may be shown."""
    shown = []
    for run in runs:
        if not kept.may_show_people(run.synthetic):
            if Artifact.SAMPLES in run.files:
                st.caption(f"Pictures of people are shown where the server has {kept.SHOW}=1.")
            continue
        with widgets.guard():
            table = run.table(Artifact.SAMPLES)
            if table is not None:
                rows, _ = kept.shown(table[(table["sample"] == sample) & table["kind"].isin(kept.OF_A_SAMPLE)])
                shown += [(png, f"{kind}, {run.name}") for png, kind in zip(rows["png"], rows["kind"], strict=True)]
    with st.container(horizontal=True):
        for png, words in shown:
            st.image(png, width=112, caption=widgets.escape(words))


def forget_area() -> None:
    """Take the circled area out of the address."""
    st.query_params.pop("area", None)


def list_area(plane: Plane, corners: np.ndarray) -> list[Section]:
    """Show the samples inside the circled area as a table."""
    rows = latent.inside(plane.points, corners)
    st.subheader("Circled samples", anchor=False)
    st.caption(widgets.escape(f"{int(rows.sum())} of {len(rows)} samples lie inside the outline in {plane.name}."))
    st.button("Forget the outline", on_click=forget_area)
    if not rows.any():
        return []
    table = latent.listing(plane, rows)
    widgets.table(table, "circled")
    return [Section("Circled samples", plane.name, frame=table)]


def page() -> None:
    """Choose runs, a code and a projection, and show them."""
    widgets.header("Latent space", HOW)
    with widgets.guard():
        runs = cached.runs()
        finals = selection.finals(runs, (Artifact.PROJECTIONS, Artifact.EMBEDDINGS))
        if finals.empty:
            widgets.empty(EMPTY, "No run with a latent space has been scored yet.")
            return
        chosen = choosing.choose_runs(runs, finals, "spaces")
        if not chosen.rows:
            st.info("Choose a study or a run.")
            return
        chosen.say()
        coded = read(chosen)
        words = {name: key for key, name in latent.ALGORITHMS.items()}
        algorithm = words[widgets.view("Projection", list(words), "projection")]
        left, middle, right = st.columns(3)
        with left:
            code = choose_code(coded)
        if code is None:
            st.info("None of these runs has a readable code.")
            return
        with right:
            text = widgets.search("Find a sample", "find", "a part of its name; or click a dot")
        with middle:
            by = widgets.choose("Colour by", latent.colourings([run.known for run in coded]), "colour") or latent.PART
        parameters, seed = choose_parameters(algorithm)
        place = st.container()
        found, waiting = planes(coded, code, algorithm, parameters, seed)
        if waiting:
            with place:
                wait(waiting, latent.ALGORITHMS[algorithm])
        if not found:
            return
        signature = latent.signature(code, found)
        area = asked_area(signature, final=not waiting)
        area = area if area is not None and area[0] < len(found) else None
        sample = meant(text, found)
        show(found, by, sample, area, signature)
        st.caption(f"{HAND} {latent.ABOUT_ERROR}" if latent.ERROR in found[0].table else HAND)
        listed = list_area(found[area[0]], area[1]) if area is not None else []
        if sample is not None:
            about_sample(sample, coded, found, code)
        ids = [plane.run_id for plane in found]

        def make() -> str:
            sections = [Section(p.name, p.caption(), latent.draw(p, by, sample), latent.listing(p)) for p in found]
            return share.view(cached.store(), f"Latent space: {code}", HOW, [*sections, *listed], ids)

        widgets.share_button(make, "latent.html")


page()
