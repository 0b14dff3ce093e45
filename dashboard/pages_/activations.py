"""The page Activation maps: which vertices the models look at for each class, on a face that can be turned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from affect.record import Artifact
from dashboard.figures import activations
from dashboard.views.ask import Ask
from dashboard.views.choice import Choice
from dashboard.views.items import Item, Message, Section
from dashboard.views.view import Page, View

if TYPE_CHECKING:
    from dashboard.results.record import Record

COMMAND = "python -m training study meshes/dgcnn --dataset synthetic_meshes --trials 5"
DRAWN = 6
"""Turning faces on the page at most: a browser draws about eight such figures, and then leaves them blank."""


@dataclass(frozen=True)
class Model:
    """What is drawn of one run: its maps, its mean face and triangles."""

    maps: pd.DataFrame
    mesh: pd.DataFrame
    triangles: pd.DataFrame


def models(choice: Choice) -> dict[str, Model]:
    """Return the first final run of each chosen row; a damaged one is named and left out."""

    def make(name: str, record: Record) -> Model:
        files = (Artifact.ACTIVATIONS, Artifact.MESH, Artifact.TRIANGLES)
        model = Model(*(choice.read.table(record.run_id, file) for file in files))
        if model.maps.empty:
            raise ValueError("activations.parquet has no rows")
        return model

    return choice.map(choice.first(Artifact.ACTIVATIONS), make)


def ask_kind(ask: Ask, shown: Mapping[str, Model]) -> str:
    """Ask for the kind of map: first one that all models have."""
    known = activations.kinds({name: model.maps for name, model in shown.items()})
    common = [kind for kind in known if all((model.maps["kind"] == kind).any() for model in shown.values())]
    return ask.one("Map", known, "map", next(iter(common), None), name=lambda key: activations.KINDS.get(key, key))


def ask_class(ask: Ask, shown: Mapping[str, Model]) -> str:
    """Ask for a class that the models know."""
    return ask.one("Class", sorted({str(name) for model in shown.values() for name in model.maps["class"]}), "class")


def levels(choice: Choice, shown: Mapping[str, Model], kind: str) -> dict[str, pd.DataFrame]:
    """Return each model's levels on this kind of map, and say which models have none."""
    found = choice.map(shown, lambda name, model: activations.levels(model.maps, kind))
    if without := [name for name, table in found.items() if table.empty]:
        word = activations.KINDS.get(kind, kind)
        choice.say(Message(f"Not shown, because there is no map of the kind {word}: {', '.join(without)}."))
    return {name: table for name, table in found.items() if not table.empty}


def beside(sections: Sequence[Section]) -> Iterator[Section]:
    """Yield sections two in a row, a single one at full width."""
    from dataclasses import replace

    yield from (replace(section, across=2 if len(sections) > 1 else 1) for section in sections)


def faces(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show one turning face a model for the chosen class, and all classes small below."""
    shown = models(choice)
    if not shown:
        return
    name, kind = ask_class(ask, shown), ask_kind(ask, shown)
    known = any("moves" in model.maps for model in shown.values())
    marked = ask.switch("mark the vertices that truly move", "moving") if known else False
    one_scale = len(shown) > 1 and ask.switch("one colour scale for all models", "one_scale")
    yield Section(text=activations.ABOUT.get(kind, ""), notes=choice.which_seed(Artifact.ACTIVATIONS))
    if len(shown) > DRAWN:
        yield Message(f"The first {DRAWN} of {len(shown)} runs: a browser draws no more turning faces at once.")
    drawn = {run: shown[run] for run in list(shown)[:DRAWN]}
    of = levels(choice, drawn, kind)
    tops = {run: float(table.to_numpy().max()) for run, table in of.items()}
    if one_scale:
        tops = dict.fromkeys(tops, max(tops.values(), default=0.0))

    def turning(run: str, table: pd.DataFrame) -> Section:
        model, top = drawn[run], tops[run]
        moves = activations.moving(model.maps) if marked else None
        mark = None if moves is None else activations.of_class(moves, name)
        fig = activations.draw_face(model.mesh, model.triangles, activations.of_class(table, name), top, mark)
        every = model.maps[(model.maps["kind"] == kind) & (model.maps["class"] == name)]
        return Section(f"{run}: {name}", "", fig, every.drop(columns=["kind", "class"]), f"face_{list(of).index(run)}")

    def small(run: str, table: pd.DataFrame) -> Section:
        moves = activations.moving(drawn[run].maps) if marked else None
        fig = activations.draw_classes(drawn[run].mesh, table, tops[run], moves)
        return Section(f"{run}: every class", "", fig, table.T.reset_index(), f"classes_{list(of).index(run)}")

    yield from beside(list(choice.map({r: t for r, t in of.items() if name in t.index}, turning).values()))
    rings = " Rings mark the vertices that truly move." if marked else ""
    yield Section("Every class", f"From the front, on the same scale as the face above.{rings}")
    yield from beside(list(choice.map(of, small).values()))


def by_region(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show where on the face each model looks, by region."""
    shown = models(choice)
    if not shown:
        return
    name, kind = ask_class(ask, shown), ask_kind(ask, shown)
    regions = choice.map(levels(choice, shown, kind), lambda run, table: activations.by_region(table))
    regions = {run: table for run, table in regions.items() if len(table)}
    if not regions:
        yield Message("The regions of these meshes are not known.")
        return
    text = "The mean level of a region's vertices, divided by the mean of the whole face: 1 is the average of the face."
    joined = pd.concat([table.assign(run=run) for run, table in regions.items()], ignore_index=True)
    frame = joined[joined["class"] == name][["run", "region", "level", "over_mean"]]
    yield Section(f"By region: {name}", text, activations.draw_regions(regions, name, choice.looks()), frame, "regions")
    wide = joined.pivot(index=["run", "class"], columns="region", values="over_mean")
    wide = wide[list(dict.fromkeys(joined["region"]))].rename_axis(columns=None).reset_index()
    yield Section("Every class", frame=wide, key="regions_of_classes")


def overlap(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show which classes a model looks for in the same places."""
    shown = models(choice)
    if not shown:
        return
    of = levels(choice, shown, ask_kind(ask, shown))
    yield Section(
        text=f"Of the {activations.TOP:.0%} of vertices with the highest levels, the share that two classes have in "
        f"common: 1 is all of them, {activations.TOP:g} is expected by chance."
    )

    def make(run: str, table: pd.DataFrame) -> Section:
        shared = activations.overlap(table)
        fig = activations.draw_matrix(shared, "share in common", 1)
        return Section(run, "", fig, shared.reset_index(), f"overlap_{list(of).index(run)}")

    yield from beside(list(choice.map(of, make).values()))


def against_truth(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show how well the maps find the vertices that truly move."""
    shown = {run: model for run, model in models(choice).items() if "moves" in model.maps}
    if not shown:
        yield Message("The vertices that truly move are known only of synthetic faces.")
        return
    scored = activations.against_truth({run: model.maps for run, model in shown.items()})
    kind = ask_kind(ask, shown)
    text = (
        "The synthetic faces know which vertices an emotion moves. The area under the ROC curve asks whether those "
        "have higher levels than the others (0.5 is chance). A filled mark means that the highest vertex of all is one "
        "of them (the pointing game)."
    )
    table = scored.rename(columns={"auc": "AUC over vertices", "hit": "pointing game"})
    yield Section("", text, activations.draw_truth(scored, kind, choice.looks()), table, "against_truth")


def distances(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show how far apart the classes lie in each model's latent space."""
    tables = {run: table for run, table in choice.tables(Artifact.SEPARATION).items() if len(table)}
    codes = list(dict.fromkeys(str(code) for table in tables.values() for code in table["code"]))
    if not codes:
        yield Message("These runs have no distances between classes.")
        return
    code = ask.one("Codes", codes, "codes", name=lambda key: key.replace("_", " "))
    yield Section(
        text="Distance between the centres of two classes on test, divided by the mean spread within them: below 1 the "
        "classes overlap."
    )
    of = {run: table for run, table in tables.items() if (table["code"] == code).any()}

    def make(run: str, table: pd.DataFrame) -> Section:
        matrix = activations.distances(table, code)
        fig = activations.draw_matrix(matrix, "distance over spread")
        return Section(run, "", fig, matrix.reset_index(), f"distances_{list(of).index(run)}")

    yield from beside(list(choice.map(of, make).values()))


def eigenvectors(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show the eigenvectors that heat kernel signatures are made of, on the mean face."""
    shown = {run: model for run, model in models(choice).items() if activations.eigenvectors(model.mesh)}
    if not shown:
        yield Message("None of these runs uses heat kernel signatures.")
        return
    known = activations.eigenvectors(next(iter(shown.values())).mesh)
    vector = ask.one("Eigenvector", known, "eigenvector", name=lambda column: column.removeprefix("hks"))
    yield Section(
        text="Eigenvectors of the Laplace-Beltrami operator on the mean train face, the smoothest first. They are the "
        "face's modes of vibration, and do not change when it is turned. The sign is arbitrary."
    )
    of = {run: model for run, model in list(shown.items())[:DRAWN] if vector in model.mesh}

    def make(run: str, model: Model) -> Section:
        values = model.mesh[vector]
        fig = activations.draw_face(model.mesh, model.triangles, values, float(values.abs().max()), signed=True)
        return Section(run, "", fig, model.mesh, f"eigenvector_{list(of).index(run)}")

    yield from beside(list(choice.map(of, make).values()))


def knows_truth(record: Record) -> bool:
    """Return whether it is known which vertices an emotion truly moves."""
    return bool(record.synthetic)


PAGE = Page(
    title="Activation maps",
    how=(
        "Which vertices of the face each model looks at for a class. Each model has its own colour scale, the same for "
        "all of its classes; a switch gives all models the same. Drag a face to turn it."
    ),
    views=(
        View("Faces", Artifact.ACTIVATIONS, faces),
        View("By region", Artifact.ACTIVATIONS, by_region),
        View("Overlap", Artifact.ACTIVATIONS, overlap),
        View("Against the truth", Artifact.ACTIVATIONS, against_truth, knows_truth),
        View("Distances", Artifact.SEPARATION, distances),
        View("Eigenvectors", Artifact.ACTIVATIONS, eigenvectors),
    ),
    group="Look inside",
    place=70,
    empty="No run that shows what it looks at has been scored yet.",
    command=COMMAND,
    key="look",
    old_keys=("models",),
)

if __name__ == "__main__":
    from dashboard.views.runner import show

    show("activations")
