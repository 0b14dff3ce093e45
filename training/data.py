"""Data as the bench and a method see it: blocks and their streams, a data set, new rows, the parts of a split."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from training.contract import LABEL

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from training.contract import Method
    from training.views import Inputs, View

    Floats: TypeAlias = NDArray[np.float32] | NDArray[np.float64]
    Values: TypeAlias = NDArray[Any]
    Indices: TypeAlias = NDArray[np.int64]
    Strings: TypeAlias = NDArray[np.str_]


@dataclass(frozen=True)
class Stream:
    """The recording and the interval that each row of a block covers, where its rows are not the samples themselves.

    sequence : (m,) name of the recording.  start, end : (m,) seconds in it.
    """

    sequence: Strings
    start: Floats
    end: Floats


@dataclass(frozen=True)
class Block:
    """One kind of measurement.

    Parameters
    ----------
    values : (n, …) float32 or float64, a row for each sample, or (m, …) with a `stream`; the last axis is `columns`
        where the block has columns. Images are uint8 (n, 3, height, width), RGB, and may be a memory-mapped file.
        A target that is NaN is unknown: the sample is unlabelled.
    columns : names along the last axis; empty for images and meshes.
    low, high : the label range where it is bounded by definition (PAD: −1, 1), else None.
    unit : what hover texts show, such as "m" or "".
    triangles : (f, 3) rows of vertices, which all meshes (n, v, 3) of the block share; None where it has no meshes.
    origin : a word for how labels came about that nobody annotated, such as "transferred"; protocols are named by it.
    stream : recording and interval of each row, where rows are not samples (audio windows beside video frames).
    """

    values: Values
    columns: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    unit: str = ""
    triangles: Indices | None = None
    origin: str = ""
    stream: Stream | None = None


@dataclass(frozen=True)
class Dataset:
    """What a reader returns. Row i of every array is sample i, but for blocks with a stream of their own.

    Parameters
    ----------
    name : name of the data set, under which published scores join; synthetic ones begin with ``synthetic``.
    version : hash of the values that were read.
    synthetic : whether it comes from the synthetic world.
    blocks : name → Block, such as ``features`` (n, 27) and ``pad`` (n, 3).
    sample : (n,) unique names.  group : (n,) what a split never divides.  group_kind : "clip", "person", "video" …
    persons_known : whether no person can be in two parts of a split.
    kept_together : kind → (n,) names of what no split may divide besides its groups, "" where unknown: a person, say,
        where groups are recordings. See `training.leaks`.
    label : (n,) class names, "" where unknown, or None.
    sequence, time : (n,) name of the recording and seconds in it, or None.
    published_split : group → train, validation or test, where a publication fixed it.
    summary : counts, what was skipped and why: becomes data_summary.json.
    annotators : block of targets → annotator → (n, t), what each of several people annotated, NaN where one did not.
    truth : what only the synthetic world knows.
    figures : from rows (k,) to where the joints of their bodies are, (k, frames, joints, 3), nan where unknown; None
        where the data has no moving figures (see `training.motion_capture.figures`).
    """

    name: str
    version: str
    synthetic: bool
    blocks: Mapping[str, Block]
    sample: Strings
    group: Strings
    group_kind: str
    persons_known: bool
    label: Strings | None = None
    sequence: Strings | None = None
    time: Floats | None = None
    published_split: Mapping[str, str] | None = None
    kept_together: Mapping[str, Strings] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    annotators: Mapping[str, Mapping[str, Values]] = field(default_factory=dict)
    truth: Mapping[str, Any] = field(default_factory=dict)
    figures: Callable[[Indices], NDArray[np.floating]] | None = None


@dataclass(frozen=True)
class Reader:
    """What a file ``training/datasets/<name>.py`` declares as READER, beside its functions.

    ``read(root: Path | None, settings) -> Dataset`` reads the data set under `root` (None for the synthetic world).
    ``read_inputs(file: Path, blocks: tuple[str, ...], settings) -> NewRows`` reads new rows for ``predict``: only what
    these blocks need is asked for. Both raise UserError for bad input.

    Parameters
    ----------
    title : what lists show.
    data : kind of data: motion, faces, meshes, frames or fusion. One synthetic data set of each kind is the default.
    blocks : names of the blocks that it has. A method takes a data set that has its inputs and its targets.
    settings : as a method's.
    classes : whether it has class labels.  sequences : whether it has recordings and time.
    """

    title: str
    data: str
    blocks: tuple[str, ...]
    settings: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    classes: bool = False
    sequences: bool = False

    def lacks(self, method: Method) -> list[str]:
        """Return what the method takes or predicts and this data set does not have, in words; empty where it serves."""
        wanted = (*method.all_blocks(), *(() if method.targets == LABEL else (method.targets,)))
        lacking = [f"the block {name}" for name in dict.fromkeys(wanted) if name not in self.blocks]
        if method.targets == LABEL and not self.classes:
            lacking.append("class labels")
        if method.context is not None and not self.sequences:
            lacking.append("recordings with time")
        return lacking


@dataclass(frozen=True)
class NewRows:
    """New samples without targets, as a reader's ``read_inputs`` returns them for ``predict``.

    Parameters
    ----------
    blocks : as a Dataset's, those that were asked for.
    names : column → (n,) text that names the rows in what predict writes.
    sequence, time : (n,) as a Dataset's, or None.
    skipped : sentences that count and name what was left out.
    """

    blocks: Mapping[str, Block]
    names: Mapping[str, Strings]
    sequence: Strings | None = None
    time: Floats | None = None
    skipped: tuple[str, ...] = ()

    def __len__(self) -> int:
        # where the method takes streams alone, their rows are not the samples
        times = () if self.time is None else self.time
        return len(next((block.values for block in self.blocks.values() if block.stream is None), times))


@dataclass(frozen=True)
class Part:
    """One part of a split as a method sees it. On test, y and label are None: the bench joins them afterwards.

    inputs : the method's blocks, of n samples.  y : (n, t) in the data's own units; for a classifier (n,) the index of
    each sample's class in ``split.classes``.
    """

    sample: Strings
    group: Strings
    inputs: Inputs
    y: Floats | Indices | None
    label: Strings | None = None

    def __len__(self) -> int:
        return len(self.sample)

    @property
    def x(self) -> View:
        """Return the only input of a method that has one; ``np.asarray(part.x)`` copies it."""
        return self.inputs.x

    def targets(self) -> Any:
        """Return y where it is not hidden, as on train and validation; ValueError on test."""
        if self.y is None:
            raise ValueError("the targets of this part are hidden or unknown")
        return self.y

    def concatenate(self, other: Part) -> Part:
        """Return the samples of this part and then those of another part with targets."""
        import numpy as np  # not above: listing methods does without

        return Part(
            np.concatenate([self.sample, other.sample]),
            np.concatenate([self.group, other.group]),
            self.inputs.concatenate(other.inputs),
            np.concatenate([self.targets(), other.targets()]),
            None if self.label is None or other.label is None else np.concatenate([self.label, other.label]),
        )


@dataclass(frozen=True)
class Split:
    """Train and validation, and in a final run the test inputs.

    Parameters
    ----------
    unlabelled : samples of train groups that have no target, for methods that learn from inputs alone; None where
        there are none.
    blocks : name → the input block without its rows: columns, range, unit, triangles.
    targets : names of the columns of y.  low, high : their range, or None.  classes : a classifier's, by name.
    """

    train: Part
    validation: Part
    test: Part | None
    blocks: Mapping[str, Block]
    targets: tuple[str, ...]
    low: float | None = None
    high: float | None = None
    classes: tuple[str, ...] = ()
    unlabelled: Part | None = None

    @property
    def block(self) -> Block:
        """Return the description of the only input block."""
        (block,) = self.blocks.values()
        return block

    def parts(self) -> dict[str, Part]:
        """Return the parts that are predicted, by name."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in named.items() if part is not None}

    def joined(self) -> Split:
        """Return the split with the samples of validation in train as well, after its own (``--refit all``)."""
        return replace(self, train=self.train.concatenate(self.validation))
