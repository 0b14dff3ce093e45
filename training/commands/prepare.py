"""``prepare``: turn recordings and images into files that a data set is read from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from training.commands import _options as options
from training.commands._console import console, warn
from training.messages import counted

if TYPE_CHECKING:
    from rich.table import Table

app = typer.Typer(no_args_is_help=True, help="Turn recordings and images into files that a data set is read from.")


@app.command()
def meshes(
    images: options.Images,
    out: Annotated[Path, typer.Argument(metavar="OUT.npz", help="File to write, which the data set ckplus reads")],
    last: options.Last = 0.2,
) -> None:
    """Find the faces in images by FaceMesh. The first time MediaPipe gets an environment of its own in the cache."""
    from training.prepare.meshes import export

    count = export(images, out, console(), last)
    console().print(f"{count} meshes written to {out}", markup=False)


@app.command()
def transfer(
    anchor: options.Anchor,
    target: options.Target,
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="CSV to write; it serves as --root of the target's reader.")
    ],
    anchor_root: options.AnchorRoot = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
) -> None:
    """Transfer valence and arousal from an annotated set to images that have only an emotion."""
    from training.prepare import transfer

    done = transfer.run(anchor, anchor_root, target, out, seed)
    shown = console()
    for emotion, count in sorted(done.rows.items()):
        shown.print(f"{count:7,} {emotion}", markup=False)
    for why, count in done.skipped.items():
        shown.print(f"{count:7,} skipped: {why}", markup=False)
    shown.print(f"labels written to {done.labels}, the ellipses to {done.ellipses}", markup=False, soft_wrap=True)


@app.command()
def motion(
    files: Annotated[list[Path], typer.Argument(metavar="FILES|FOLDER… OUT.csv", help="BVH recordings, and the table")],
    preset: Annotated[
        str,
        typer.Option(
            help="published: the features of the published table, quirks included (a window of 1 s at 120 fps holds .8 "
            "s; avg_neck_rotation_w holds x; elbow_hip is to the chest). plain: the same quantities on the recording's "
            "own skeleton, by its height."
        ),
    ] = "plain",
    skeleton: Annotated[
        str | None,
        typer.Option(metavar="PRESET|FILE.toml", help="walk, cmu, bandai, or a file that names the joints"),
    ] = None,
    scale: Annotated[
        float | None, typer.Option(min=0, metavar="M", help="Metres in the file's unit (published alone needs it).")
    ] = None,
    window: Annotated[float, typer.Option(min=0.01, metavar="S", help="Seconds of a window.")] = 1.0,
    hop: Annotated[
        float | None, typer.Option(min=0.01, metavar="S", help="Seconds between windows; default: one after the other.")
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="CSV with clip (the file without its ending), label, EMOTION_P, _A, _D."),
    ] = None,
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0: one a core.")] = 0,
) -> None:
    """Turn motion capture (BVH) into the table of LMA features that the data set lma reads."""
    import os

    from training.contract import UserError
    from training.prepare import motion

    *sources, out = files
    if not sources or not out.name.endswith((".csv", ".csv.gz")):
        raise UserError(f"{out}: expected recordings, and at the end a name that ends in .csv or .csv.gz")
    options = motion.Options(preset, motion.skeleton(skeleton), scale, window, hop or window)
    shown = console()
    done = motion.run(sources, out, options, labels, workers or os.cpu_count() or 1, shown)
    for sentence in motion.sentences(done, preset):
        shown.print(sentence, markup=False, soft_wrap=True)
    rows = f"{done.rows:,} windows of {done.recordings:,} recordings written to {out}"
    shown.print(rows, markup=False, soft_wrap=True)


@app.command()
def frames(
    files: Annotated[list[Path], typer.Argument(metavar="VIDEO|FOLDER… OUT", help="Videos, and the folder to write")],
    fps: Annotated[float, typer.Option(min=0.1, max=1000, metavar="N", help="Frames a second.")] = 30.0,
    size: Annotated[int, typer.Option(min=16, max=1024, metavar="PX", help="Pixels of a side of a face.")] = 64,
    shortest: Annotated[
        float, typer.Option(min=0, metavar="S", help="A face that is followed for less is taken for a mistake.")
    ] = 0.5,
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0: one a core.")] = 0,
) -> None:
    """Find and cut the faces of videos, at one rate: folders of frames, which the data set aff_wild reads."""
    import os

    from training.contract import UserError
    from training.prepare import frames

    *sources, out = files
    if not sources:
        raise UserError(f"{out}: expected videos, and at the end the folder to write to")
    shown = console()
    done = frames.run(sources, out, frames.Options(fps, size, shortest), workers or os.cpu_count() or 1, shown)
    shown.print(_rates(done.rates()), _videos(done.videos))
    warn((*done.sentences(), *done.skipped.get(frames.BAD, [])))
    faces = sum(len(of["faces"]) for of in done.videos.values())
    images = sum(sum(of["faces"].values()) for of in done.videos.values())
    before = f" ({done.again} of them before)" if done.again else ""
    text = f"{counted(len(done.videos), 'video')} read{before}, {counted(faces, 'face')}, {images:,} images"
    shown.print(f"{text} written to {out / frames.FOLDER}", markup=False, soft_wrap=True)
    if frames.BAD in done.skipped:
        raise typer.Exit(1)


def _rates(rates: dict[float, int]) -> Table:
    """Return the histogram of frame rates, by time stamps."""
    from rich.table import Table

    table = Table("frames a second", "videos", "")
    most = max(rates.values())
    for rate, count in rates.items():
        table.add_row(f"{rate:g}", str(count), "█" * max(1, round(20 * count / most)))
    return table


def _videos(videos: dict[str, dict[str, Any]]) -> Table:
    """Return the table of videos: frames before and after the search for faces."""
    from rich.markup import escape
    from rich.table import Table

    table = Table("video", "frames decoded", "with a face", "frames at the new rate", "with a face", "faces")
    for name, of in videos.items():
        counts = (of["decoded"], of["decoded_with_face"], of["frames"], of["with_face"])
        table.add_row(escape(name), *(f"{count:,}" for count in counts), str(len(of["faces"])))
    return table


@app.command()
def embeddings(
    sources: Annotated[list[Path], typer.Argument(metavar="RECORDING…", help="Sound files, videos, folders of them.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder of the CSV files that `embeddings` reads.")],
    sound: Annotated[
        str | None, typer.Option(help="egemaps or librosa; needs the packages of requirements-sound.txt.")
    ] = None,
    frames: Annotated[
        str | None, typer.Option(metavar="RUN", help="A run of frames/…, whose penultimate layer sees the videos.")
    ] = None,
    windows: Annotated[
        str, typer.Option(metavar="S,S", help="Lengths of the windows of sound, in seconds.")
    ] = "1,2,3,4",
    rate: Annotated[float, typer.Option(min=0.1, max=1000, help="Frames a second that are taken of a video.")] = 5.0,
    device: options.Device = "auto",
) -> None:
    """Measure the sound and the frames of recordings: features for the fusion methods."""
    from training.commands import _model
    from training.contract import UserError
    from training.prepare import embeddings
    from training.tracking.store import Store

    try:
        lengths = [float(text) for text in windows.split(",")]
    except ValueError:
        raise UserError(f"--windows {windows!r}: expected lengths in seconds, such as 1,2,4") from None
    video = None if frames is None else _model.load(Store.open(to_read=True), frames, device)
    done = embeddings.run(sources, out, measure=sound, video=video, lengths=lengths, rate=rate)
    warn(done.sentences())
    for file, count in done.rows.items():
        console().print(f"{count:7,} rows written to {file}", markup=False, soft_wrap=True)


@app.command()
def labels(
    valence: Annotated[Path, typer.Argument(metavar="VALENCE", help="A trace, or a folder: <video>.txt each")],
    arousal: Annotated[Path, typer.Argument(metavar="AROUSAL", help="The same of arousal")],
    out: Annotated[Path, typer.Option(metavar="FILE|FOLDER", help="Labels of the video, or a folder for all videos.")],
    fps: Annotated[float, typer.Option(metavar="N", help="Frames a second.")] = 30.0,
    frames: Annotated[
        str | None, typer.Option(metavar="N|FILE.csv", help="Frames of a video, or a CSV of video and frames.")
    ] = None,
    faces: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER|FILE.csv",
            help="Label only frames with a face: folders of images <video>/0000001.png, or a CSV of video, first_frame "
            "and last_frame.",
        ),
    ] = None,
    scale: Annotated[
        tuple[float, float], typer.Option(metavar="LOW HIGH", help="Values of the trace that become −1 and 1.")
    ] = (-1000.0, 1000.0),
    shift: Annotated[float, typer.Option(metavar="S", help="Seconds that annotators needed to react.")] = 0.0,
    duplicates: Annotated[str, typer.Option(help="Of values at one time: last, first, mean, or refuse.")] = "last",
    beyond: Annotated[str, typer.Option(help="Values beyond the scale: clip, drop, or refuse.")] = "clip",
    stuck: Annotated[
        str, typer.Option(help="A joystick stuck at the end of the scale or beyond: keep, or drop.")
    ] = "keep",
    stuck_s: Annotated[
        float, typer.Option("--stuck-after", metavar="S", help="Seconds after which it is stuck.")
    ] = 10.0,
    still: Annotated[str, typer.Option(help="A trace that never moves: refuse, or keep.")] = "refuse",
    gaps: Annotated[str, typer.Option(help="In a gap: interpolate, or hold the last value.")] = "interpolate",
    gap_s: Annotated[
        float, typer.Option("--gap-after", metavar="S", help="Seconds after which a step is a gap.")
    ] = 1.0,
    max_gap: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            help="Frames in a longer gap have no label (default: 5; with --hold no limit).",
        ),
    ] = None,
    ends: Annotated[
        str, typer.Option(help="Frames before the first sample and after the last: hold its value, or drop.")
    ] = "hold",
    backwards: Annotated[str, typer.Option(help="A trace that goes back in time: refuse, or sort.")] = "refuse",
    hold: Annotated[bool, typer.Option("--hold", help="Traces were written only when the value changed.")] = False,
    truth: Annotated[
        tuple[Path, Path] | None,
        typer.Option(metavar="VALENCE AROUSAL", help="Known traces that annotators are compared with."),
    ] = None,
) -> None:
    """Turn annotation traces (seconds, value) into labels of frames, which the data set aff_wild reads.

    Of several annotators, <annotator>/<video>.txt, the mean is taken; how far they agree and how late they react is
    shown. Every policy, and how often it decided, stands in a JSON file beside the labels.
    """
    from training.prepare import labels, traces

    if max_gap is None and not hold:
        max_gap = traces.LONGEST_GAP_S
    policies = traces.Policies(
        low=scale[0],
        high=scale[1],
        duplicates=duplicates,
        beyond=beyond,
        stuck=stuck,
        stuck_s=stuck_s,
        still=still,
        gaps=gaps,
        gap_s=gap_s,
        max_gap_s=max_gap,
        ends=ends,
        backwards=backwards,
        hold=hold,
        shift_s=shift,
    )
    shown = console()
    done = labels.run(valence, arousal, out, policies, fps=fps, frames=frames, faces=faces, truth=truth, console=shown)
    warn(done.sentences())
    if rows := done.annotators():
        shown.print(_annotators(rows))
    for axis, numbers in done.agreement().items():
        said = [f"{name} {numbers[key]:.3f}" for key, name in _AGREEMENT.items() if key in numbers]
        shown.print(f"{axis}, agreement of the annotators: {', '.join(said)}", markup=False)
    face = f", {done.total('with_face'):,} of them with a face" if faces else ""
    videos = counted(len(done.videos), "video")
    text = f"{videos}, {done.total('frames'):,} frames{face}, {done.total('labelled'):,} labelled"
    shown.print(text, markup=False, soft_wrap=True)
    shown.print(f"labels written to {out}, what was found to {done.file}", markup=False, soft_wrap=True)


_AGREEMENT = {"pairwise_ccc": "mean CCC of two", "cronbach_alpha": "Cronbach's α"}


def _annotators(rows: list[tuple[str, str, int, dict[str, float]]]) -> Table:
    """Return the table of annotators: each number is the mean over the videos."""
    from rich.markup import escape
    from rich.table import Table

    columns = {
        "ccc_truth": "CCC with the truth",
        "ccc_mean_of_the_others": "CCC with the mean of the others",
        "delay_s": "delay in s",
        "r_at_delay": "r at that delay",
    }
    known = {key: title for key, title in columns.items() if any(key in numbers for *_, numbers in rows)}
    table = Table("axis", "annotator", "videos", *known.values())
    for axis, name, videos, numbers in rows:
        cells = [f"{numbers[key]:.3f}" if key in numbers else "–" for key in known]
        table.add_row(axis, escape(name), str(videos), *cells)
    return table


# ------------------------------------------------------------------------------------------------- former names


def export_meshes(
    images: options.Images,
    out: Annotated[Path, typer.Argument(metavar="OUT.npz", help="File to write, which the data set ckplus reads")],
    last: options.Last = 0.2,
) -> None:
    """Former name of `prepare meshes`."""
    warn(["export-meshes is now called: python -m training prepare meshes"])
    meshes(images, out, last)


def former_transfer(
    anchor: options.Anchor,
    target: options.Target,
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="CSV to write; it serves as --root of the target's reader.")
    ],
    anchor_root: options.AnchorRoot = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
) -> None:
    """Former name of `prepare transfer`."""
    warn(["transfer is now called: python -m training prepare transfer"])
    transfer(anchor, target, out, anchor_root, seed)
