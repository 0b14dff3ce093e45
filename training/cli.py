"""The command line. Heavy imports happen inside the commands, so that ``--help`` answers at once."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from training.contract import StudyFailed, UserError
from training.study import stopping

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from training.study.plan import Plan

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Affectory's bench: hyperparameter studies of affect, written into a tracking store.",
)

# ------------------------------------------------------------------------------------------- options many share

Method_ = Annotated[str, typer.Argument(metavar="METHOD", help="family/method, as `methods` lists them")]
Dataset_ = Annotated[str, typer.Option(help="Data set, as `datasets` lists them.")]
As_ = Annotated[str | None, typer.Option("--as", metavar="NAME", help="Name under which published figures join.")]
Root_ = Annotated[Path | None, typer.Option(metavar="PATH", help="File or folder of the data set.")]
Split_ = Annotated[
    Path | None, typer.Option("--split", metavar="FILE", help="Published split: JSON of train, val, test.")
]
SplitSeed_ = Annotated[int, typer.Option(help="Seed of the split; --seed never changes it.")]
Set_ = Annotated[list[str] | None, typer.Option("--set", metavar="K=V", help="Value of a setting (repeatable).")]
Over_ = Annotated[
    list[str] | None, typer.Option(metavar="K=A,B", help="One study for each value of a setting (repeatable: a grid).")
]
With_ = Annotated[
    list[str] | None, typer.Option("--with", metavar="NEED=RUN", help="A run or study that serves as a need.")
]
Repeats_ = Annotated[int, typer.Option(min=1, help="Seeds with which the winner is refitted and scored on test.")]
Seed_ = Annotated[int, typer.Option(min=0, help="Seed of the search and of the fits.")]
Epochs_ = Annotated[int | None, typer.Option(min=1, help="Upper limit on epochs (boosting rounds for trees).")]
Name_ = Annotated[str | None, typer.Option(help="Name of the study; by default made of what it studies.")]
Device_ = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Threads_ = Annotated[int, typer.Option(min=0, help="CPU threads of a fit; 0: all cores.")]
Notify_ = Annotated[
    str | None,
    typer.Option(metavar="COMMAND", help="Run this at the end; {study}, {state} and {result} are filled in."),
]
Dry_ = Annotated[bool, typer.Option("--dry-run", help="Check everything, show what would be done, write nothing.")]
Run_ = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or its beginning, or a study's name")]


def main() -> None:
    """Run the command line: a person's mistake is one message and exit code 2, a failed study exit code 1."""
    stopping.install()
    try:
        app()
    except UserError as error:
        _fail(str(error), 2)
    except StudyFailed as error:
        _fail(str(error), 1)
    except BrokenPipeError:  # `… | head`
        sys.stderr.close()
        sys.exit(141)


def _fail(text: str, code: int) -> NoReturn:
    from rich.console import Console

    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print("error:", style="bold red", end=" ")
    console.print(text, markup=False)
    sys.exit(code)


def _console() -> Console:
    from rich.console import Console

    # where there is no terminal to measure (a log, a pipe), tables are not folded at 80 columns
    return Console(highlight=False, width=None if sys.stdout.isatty() else 140)


def pairs(texts: list[str] | None, option: str) -> dict[str, str]:
    """Turn ``k=v`` texts into a dictionary."""
    found = {}
    for text in texts or []:
        key, equals, value = text.partition("=")
        if not equals or not key or not value:
            raise UserError(f"{option} {text!r}: expected NAME=VALUE")
        if key in found:
            raise UserError(f"{option} {key} is given twice")
        found[key] = value
    return found


def _plan(options: Mapping[str, Any]) -> Plan:
    """Return the plan of a command's options, which have the names of its fields, or are turned into them."""
    from training import launch
    from training.study.plan import Plan

    same = {field.name: options[field.name] for field in dataclasses.fields(Plan) if field.name in options}
    turned = {
        "split_file": options["split"],
        "settings": pairs(options["set_"], "--set"),
        "prerequisites": pairs(options["with_"], "--with"),
        "hold": pairs(options.get("hold"), "--hold"),
        "threads": launch.threads(options["threads"]),
    }
    return Plan(**{**same, **turned})


# ------------------------------------------------------------------------------------------------- listing


@app.command()
def methods() -> None:
    """List the methods and their settings."""
    from rich.table import Table

    from training import registry

    table = Table("method", "what it is", "data", "settings", "needs", box=None, header_style="bold")
    for name in registry.methods():
        method = registry.method(name).METHOD
        chosen = ", ".join(f"{k}={'|'.join(map(str, v))}" for k, v in method.settings.items())
        table.add_row(name, method.title, method.data, chosen, ", ".join(method.prerequisites.values()))
    _console().print(table)


@app.command()
def datasets() -> None:
    """List the data sets and their settings."""
    from rich.table import Table

    from training import registry

    table = Table("data set", "what it is", "kind", "settings", box=None, header_style="bold")
    for name in registry.datasets():
        reader = registry.reader(name)
        chosen = ", ".join(f"{k}={'|'.join(map(str, v))}" for k, v in reader.settings.items())
        table.add_row(name, reader.title, reader.data, chosen)
    _console().print(table)


# ------------------------------------------------------------------------------------------------- studies


@app.command()
def study(
    method: Method_,
    dataset: Dataset_,
    known_as: As_ = None,
    root: Root_ = None,
    split: Split_ = None,
    split_seed: SplitSeed_ = 0,
    set_: Set_ = None,
    over: Over_ = None,
    with_: With_ = None,
    hold: Annotated[
        list[str] | None, typer.Option(metavar="K=V", help="A hyperparameter that is not searched (repeatable).")
    ] = None,
    trials: Annotated[int, typer.Option(min=1, help="Trials to reach; complete and pruned ones count.")] = 20,
    timeout: Annotated[
        float | None, typer.Option(min=1, metavar="S", help="Seconds after which no trial begins.")
    ] = None,
    repeats: Repeats_ = 5,
    seed: Seed_ = 0,
    epochs: Epochs_ = None,
    pruner: Annotated[str, typer.Option(help="median, hyperband or none.")] = "median",
    objectives: Annotated[
        str, typer.Option(help="one, or two where a method weighs two: each is searched, none pruned.")
    ] = "one",
    name: Name_ = None,
    device: Device_ = "auto",
    threads: Threads_ = 0,
    notify: Notify_ = None,
    dry_run: Dry_ = False,
) -> None:
    """Search a method's hyperparameters, refit the winner with several seeds, score it on test once.

    The same command goes on where it was stopped or killed, and several of them share the work.
    """
    from training import launch

    plan = _plan(locals())
    launch.studies(launch.grid(plan, pairs(over, "--over")), _console(), notify=notify, dry_run=dry_run)


@app.command()
def train(
    method: Method_,
    dataset: Dataset_,
    param: Annotated[
        list[str] | None, typer.Option(metavar="K=V", help="A hyperparameter in place of its default.")
    ] = None,
    known_as: As_ = None,
    root: Root_ = None,
    split: Split_ = None,
    split_seed: SplitSeed_ = 0,
    set_: Set_ = None,
    with_: With_ = None,
    repeats: Repeats_ = 5,
    seed: Seed_ = 0,
    epochs: Epochs_ = None,
    name: Name_ = None,
    device: Device_ = "auto",
    threads: Threads_ = 0,
    notify: Notify_ = None,
    dry_run: Dry_ = False,
) -> None:
    """Fit one configuration without a search: a study whose only trial is the defaults and what --param changes."""
    from training import launch

    plan = _plan(locals())
    plan = dataclasses.replace(plan, trials=1, pruner="none", first=pairs(param, "--param"), fixed=True)
    launch.studies([plan], _console(), notify=notify, dry_run=dry_run)


@app.command()
def demo(
    serve: Annotated[bool, typer.Option(help="Serve the dashboard at the end.")] = True,
) -> None:
    """Run a small study of every method on the synthetic world, then serve the dashboard."""
    from training import launch

    launch.demo(_console())
    if serve:
        launch.serve()


@app.command()
def status() -> None:
    """List the studies in the store: how far they are, and how good."""
    from training import launch
    from training.tracking.store import Store

    launch.status(Store.open(), _console())


# ------------------------------------------------------------------------------------------------- data


@app.command()
def transfer(
    anchor: Annotated[
        str, typer.Option("--from", metavar="ANCHOR", help="Annotated data set, table of ellipses (CSV), or default.")
    ],
    target: Annotated[
        Path, typer.Option("--to", metavar="TARGET", help="Labelled folder, its CSV, or IMFDB's folder.")
    ],
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="CSV to write; it serves as --root of the target's reader.")
    ],
    anchor_root: Annotated[
        Path | None, typer.Option("--from-root", metavar="PATH", help="File or folder of the annotated data set.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
) -> None:
    """Transfer valence and arousal from an annotated set to images that have an emotion alone."""
    from training.prepare import transfer as transferring

    done = transferring.run(anchor, anchor_root, target, out, seed)
    console = _console()
    for emotion, count in sorted(done.rows.items()):
        console.print(f"{count:7,} {emotion}", markup=False)
    for why, count in done.skipped.items():
        console.print(f"{count:7,} skipped: {why}", markup=False)
    console.print(f"labels written to {done.labels}, the ellipses to {done.ellipses}", markup=False, soft_wrap=True)


# ------------------------------------------------------------------------------------------------ using runs


@app.command()
def predict(
    run: Run_,
    file: Annotated[Path, typer.Argument(help="File with what the method is given; for meshes also images.")],
    out: Annotated[Path | None, typer.Option(help="CSV to write; by default it goes to the terminal.")] = None,
    device: Device_ = "auto",
) -> None:
    """Predict for new data with a run's model. Of a study, its first final run is taken."""
    from training import launch
    from training.tracking.store import Store

    launch.predict(Store.open(), run, file, out, device)
    if out is not None:
        _console().print(f"predictions written to {out}", markup=False)


@app.command()
def preview(
    run: Run_,
    video: Annotated[Path | None, typer.Option(metavar="FILE", help="A video.")] = None,
    camera: Annotated[int | None, typer.Option(min=0, metavar="N", help="A camera: 0 is the first.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE.mp4", help="Video to write, in place of the page.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page on this machine; 0: any.")] = 8502,
    device: Device_ = "auto",
) -> None:
    """Show a run's model at work on a video or a camera: mesh, class and probabilities on each frame.

    A page on this machine shows the frames; with --out a video is written.
    """
    from training import launch
    from training.tracking.store import Store

    source = video if video is not None else camera
    if source is None or (video is not None and camera is not None):
        raise UserError("name what to look at: --video FILE or --camera 0")
    launch.preview(Store.open(), run, source, out, port, device, _console())


@app.command(name="export-meshes")
def export_meshes(
    images: Annotated[Path, typer.Argument(help="CK+'s tree, a folder of images, an image or a video")],
    out: Annotated[Path, typer.Argument(metavar="OUT.npz", help="File to write, which the data set ckplus reads")],
    last: Annotated[float, typer.Option(min=0, max=1, help="Share of a CK+ sequence, from its end.")] = 0.2,
) -> None:
    """Find the faces in images by FaceMesh. The first time MediaPipe gets an environment of its own in the cache."""
    from training.prepare.meshes import export

    count = export(images, out, _console(), last)
    _console().print(f"{count} meshes written to {out}", markup=False)


@app.command()
def activations(run: Run_, root: Root_ = None, device: Device_ = "auto") -> None:
    """Compute which vertices a final run of meshes looks at, and add it to the run. Its data is read again."""
    from training import again
    from training.tracking.store import Store

    info, files = again.activations(Store.open(), run, root, device)
    _console().print(f"{info.id[:8]} ({info.name}): {', '.join(files)} written", markup=False)


@app.command()
def export(
    runs: Annotated[list[str], typer.Argument(metavar="RUN…", help="Runs or studies (with all of their runs)")],
    out: Annotated[Path, typer.Option(help="Zip file to write.")],
) -> None:
    """Write runs into one zip file, to be imported into another store."""
    from training.tracking import transport
    from training.tracking.store import Store

    count = transport.export(Store.open(), runs, out)
    _console().print(f"{count} runs written to {out}", markup=False)


@app.command(name="import")
def import_(file: Annotated[Path, typer.Argument(help="Zip file that `export` wrote.")]) -> None:
    """Read runs from a zip file into this store; runs that are there already stay as they are."""
    from training.tracking import transport
    from training.tracking.store import Store

    _console().print(transport.import_(Store.open(), file), markup=False)


@app.command()
def note(run: Run_, text: Annotated[str, typer.Argument(help="Plain text; empty removes the note")]) -> None:
    """Put a note on a run or study."""
    from training.tracking import transport
    from training.tracking.store import Store

    transport.note(Store.open(), run, text)
    _console().print(f"{run}: note {'set' if text else 'removed'}", markup=False)


@app.command()
def tag(
    run: Run_,
    labels: Annotated[list[str], typer.Argument(metavar="TAG…", help="Your own words")],
    remove: Annotated[bool, typer.Option(help="Take the tags off.")] = False,
) -> None:
    """Put tags of your own on a run or study."""
    from training.tracking import transport
    from training.tracking.store import Store

    transport.label(Store.open(), run, labels, remove=remove)
    _console().print(f"{run}: {'removed' if remove else 'tagged'} {', '.join(labels)}", markup=False)


@app.command()
def archive(run: Run_, undo: Annotated[bool, typer.Option(help="Bring it back.")] = False) -> None:
    """Put a run or study aside: pages leave it out unless asked. Nothing is deleted."""
    from training.tracking import transport
    from training.tracking.store import Store

    transport.archive(Store.open(), run, undo=undo)
    _console().print(f"{run}: {'brought back' if undo else 'archived; pages leave it out unless asked'}", markup=False)
