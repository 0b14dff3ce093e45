"""The page Activation maps: which vertices the models look at for each class, on a face that can be turned."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import pandas as pd
import streamlit as st

from affect.record import Artifact
from dashboard import cached, choosing, share, widgets
from dashboard.choosing import Chosen
from dashboard.figures import activations
from dashboard.results import selection
from dashboard.share import Section

HOW = (
    "Which vertices of the face each model looks at for a class. Every model has a scale of its own, the same for all "
    "of its classes. Drag a face to turn it."
)
EMPTY = "python -m training study meshes/dgcnn --dataset synthetic_meshes --trials 5"
FACES, REGIONS, OVERLAP = "Faces", "By region", "Overlap"
TRUTH, DISTANCES, EIGENVECTORS = "Against the truth", "Distances", "Eigenvectors"
DRAWN = 6  # turning faces on the page at most: a browser draws about eight such figures, and then leaves them blank


@dataclass(frozen=True)
class Shown:
    """What is drawn of one run: its name and id, its maps, its mean face and triangles."""

    name: str
    run_id: str
    maps: pd.DataFrame
    mesh: pd.DataFrame
    triangles: pd.DataFrame


def read(chosen: Chosen) -> list[Shown]:
    """Read the first run of each chosen name; a damaged one is named and left out."""
    found = []
    for name, run_id in chosen.first(Artifact.ACTIVATIONS).items():
        with widgets.guard():
            tables = (cached.table(run_id, file) for file in (Artifact.ACTIVATIONS, Artifact.MESH, Artifact.TRIANGLES))
            found.append(Shown(name, run_id, *tables))
    return found


def side_by_side(sections: list[Section]) -> None:
    """Show figures two in a row, one under the other on a phone."""
    for first in range(0, len(sections), 2):
        for place, section in zip(st.columns(2), sections[first : first + 2], strict=False):
            with place:
                st.markdown(f"**{widgets.escape(section.heading)}**")
                if section.fig is not None and section.frame is not None:
                    widgets.figure(section.fig, section.frame, section.key, section.text)


def choose_kind(shown: list[Shown]) -> str:
    """Let a person choose the kind of map, and say what it is."""
    known = activations.kinds({one.name: one.maps for one in shown})
    kind = widgets.choose("Map", known, "map", name=lambda key: activations.KINDS.get(key, key)) or known[0]
    return kind


def choose_class(shown: list[Shown]) -> str:
    """Let a person choose a class that the runs know."""
    names = sorted({str(name) for one in shown for name in one.maps["class"].unique()})
    return widgets.choose("Class", names, "class") or names[0]


def with_kind(shown: list[Shown], kind: str) -> list[tuple[Shown, pd.DataFrame]]:
    """Return the runs that have this kind of map, with its levels; say which have none."""
    found = [(one, activations.levels(one.maps, kind)) for one in shown]
    without = [one.name for one, levels in found if levels.empty]
    if without:
        st.caption(widgets.escape(f"Without this kind of map: {', '.join(without)}."))
    return [(one, levels) for one, levels in found if not levels.empty]


def faces(shown: list[Shown]) -> list[Section]:
    """Show one turning face a model for the chosen class, and all classes small below."""
    left, right = st.columns(2)
    with left:
        name = choose_class(shown)
    with right:
        kind = choose_kind(shown)
    st.caption(widgets.escape(activations.ABOUT.get(kind, "")))
    known = any("moves" in one.maps for one in shown)
    marked = widgets.switch("mark the vertices that truly move", "moving") if known else False
    if len(shown) > DRAWN:
        st.caption(f"The first {DRAWN} of {len(shown)} runs: a browser draws no more turning faces at once.")
    turning, small = [], []
    for one, levels in with_kind(shown[:DRAWN], kind):
        top, moves = float(levels.to_numpy().max()), activations.moving(one.maps) if marked else None
        every = one.maps[one.maps["kind"] == kind]
        if name in levels.index:
            of = None if moves is None else activations.of_class(moves, name)
            fig = activations.draw_face(one.mesh, one.triangles, activations.of_class(levels, name), top, of)
            frame = every[every["class"] == name].drop(columns=["kind", "class"])
            turning.append(Section(f"{one.name}: {name}", "", fig, frame, key=f"face_{one.run_id[:8]}"))
        fig = activations.draw_classes(one.mesh, levels, top, moves)
        wide = levels.T.reset_index()
        small.append(Section(f"{one.name}: every class", "", fig, wide, key=f"classes_{one.run_id[:8]}"))
    side_by_side(turning)
    st.subheader("Every class", anchor=False)
    st.caption("From the front, on the same scale as the face above." + (" Rings: truly moves." if marked else ""))
    side_by_side(small)
    return [*turning, *small]


def by_region(shown: list[Shown]) -> list[Section]:
    """Show where on the face each model looks, by region."""
    left, right = st.columns(2)
    with left:
        name = choose_class(shown)
    with right:
        kind = choose_kind(shown)
    regions = {one.name: activations.by_region(levels) for one, levels in with_kind(shown, kind)}
    regions = {run: table for run, table in regions.items() if len(table)}
    if not regions:
        st.info("The regions of these meshes are not known.")
        return []
    text = "The mean level of a region's vertices, over the mean of the whole face: at 1 a region is as any other."
    st.caption(text)
    joined = pd.concat([table.assign(run=run) for run, table in regions.items()], ignore_index=True)
    fig = activations.draw_regions(regions, name)
    frame = joined[joined["class"] == name][["run", "region", "level", "over_mean"]]
    widgets.figure(fig, frame, "regions")
    st.subheader("Every class", anchor=False)
    wide = joined.pivot(index=["run", "class"], columns="region", values="over_mean")
    wide = wide[list(dict.fromkeys(joined["region"]))].rename_axis(columns=None).reset_index()
    widgets.table(wide, "regions_of_classes")
    return [Section(f"By region: {name}", text, fig, frame), Section("By region: every class", text, frame=wide)]


def overlap(shown: list[Shown]) -> list[Section]:
    """Show which classes a model looks for in the same places."""
    with st.columns(2)[0]:
        kind = choose_kind(shown)
    text = (
        f"Of the {activations.TOP:.0%} of vertices with the highest levels, the share that two classes have in common: "
        f"1 is all of them, {activations.TOP:g} is what chance gives."
    )
    st.caption(text)
    sections = []
    for one, levels in with_kind(shown, kind):
        table = activations.overlap(levels)
        fig = activations.draw_matrix(table, "share in common", 1)
        sections.append(Section(one.name, "", fig, table.reset_index(), key=f"overlap_{one.run_id[:8]}"))
    side_by_side(sections)
    return sections


def against_truth(shown: list[Shown]) -> list[Section]:
    """Show how well the maps find the vertices that truly move."""
    scored = activations.against_truth({one.name: one.maps for one in shown})
    with st.columns(2)[0]:
        kind = choose_kind(shown)
    text = (
        "The synthetic world knows which vertices an emotion moves. The area under the ROC curve asks whether they "
        "have higher levels than the others (0.5 is chance); a filled mark says that the highest vertex of all is one "
        "of them (the pointing game)."
    )
    st.caption(text)
    fig = activations.draw_truth(scored, kind)
    table = scored.rename(columns={"auc": "AUC over vertices", "hit": "pointing game"})
    widgets.figure(fig, table, "against_truth")
    return [Section("Against the truth", text, fig, table)]


def distances(shown: list[Shown], chosen: Chosen) -> list[Section]:
    """Show how far apart the classes lie in each model's latent space."""
    files = chosen.finals["artifacts"].to_dict()
    tables = {}
    for one in shown:
        if Artifact.SEPARATION in files[one.run_id]:
            with widgets.guard():
                tables[one.run_id] = cached.table(one.run_id, Artifact.SEPARATION)
    codes = list(dict.fromkeys(str(code) for table in tables.values() for code in table["code"]))
    if not codes:
        st.info("These runs kept no distances of classes.")
        return []
    with st.columns(2)[0]:
        code = widgets.choose("Codes", codes, "codes", name=lambda key: key.replace("_", " ")) or codes[0]
    text = "Distance of two classes' centres over the mean spread within them, on test: below 1 they lie in each other."
    st.caption(text)
    sections = []
    for one in shown:
        if one.run_id in tables and (tables[one.run_id]["code"] == code).any():
            table = activations.distances(tables[one.run_id], code)
            fig = activations.draw_matrix(table, "distance over spread")
            sections.append(Section(one.name, "", fig, table.reset_index(), key=f"distances_{one.run_id[:8]}"))
    side_by_side(sections)
    return sections


def eigenvectors(shown: list[Shown]) -> list[Section]:
    """Show the eigenvectors that heat kernel signatures are made of, on the mean face."""
    having = [one for one in shown if activations.eigenvectors(one.mesh)]
    known = activations.eigenvectors(having[0].mesh)
    with st.columns(2)[0]:
        chosen = widgets.choose("Eigenvector", known, "eigenvector", name=lambda c: c.removeprefix("hks")) or known[0]
    text = (
        "Eigenvectors of the Laplace-Beltrami operator on the mean train face, the smoothest first: they are the "
        "vibrations of the face, and do not change when it is turned. Their sign is chance."
    )
    st.caption(text)
    sections = []
    for one in having[:DRAWN]:
        if chosen in one.mesh:
            values = one.mesh[chosen]
            fig = activations.draw_face(one.mesh, one.triangles, values, float(values.abs().max()), signed=True)
            sections.append(Section(one.name, "", fig, one.mesh, key=f"eigenvector_{one.run_id[:8]}"))
    side_by_side(sections)
    return sections


def page() -> None:
    """Choose runs and a view, and show it."""
    widgets.header("Activation maps", HOW)
    with widgets.guard():
        runs = cached.runs()
        finals = selection.finals(runs, [Artifact.ACTIVATIONS])
        if finals.empty:
            widgets.empty(EMPTY, "No run that shows what it looks at has been scored yet.")
            return
        chosen = choosing.choose_runs(runs, finals, "models")
        if not chosen.rows:
            st.info("Choose a study or a run.")
            return
        chosen.say()
        shown = read(chosen)
        if not shown:
            return
        views = {FACES: faces, REGIONS: by_region, OVERLAP: overlap}
        if any("moves" in one.maps for one in shown):
            views[TRUTH] = against_truth
        views[DISTANCES] = partial(distances, chosen=chosen)
        if any(activations.eigenvectors(one.mesh) for one in shown):
            views[EIGENVECTORS] = eigenvectors
        view = widgets.view("View", list(views), "look")
        if any(len(run_ids) > 1 for run_ids in chosen.rows.values()):
            st.caption("Of a study, the run with its first seed is drawn.")
        sections = views[view](shown)
        if sections:
            title, ids = f"Activation maps: {view.lower()}", [one.run_id for one in shown]
            widgets.share_button(lambda: share.view(cached.store(), title, HOW, sections, ids), "activations.html")


page()
