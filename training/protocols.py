"""The protocol: what must be equal for two scores to be compared. Data, parts, targets and label rule, and no more.

It does not depend on what a method is given: a window is what the prediction for a sample may look back on, so that a
method that sees one frame and one that sees four seconds of two modalities predict the same samples.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from affect.metrics import CLASSIFICATION, REGRESSION
from affect.record import PARTS, digest
from training import leaks, protocol_names, splits, views
from training.contract import CLASSES, FRAME, LABEL, LABEL_RULE, WINDOW_MEAN, UserError
from training.data import Block, Dataset, Part, Split
from training.messages import counted, listed, plural
from training.splits import LOSO, TEST, TRAIN, VALIDATION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from training.contract import Method, Settings
    from training.data import Indices, Strings, Values
    from training.leaks import Leak

UNLABELLED, LEFT_OUT = "unlabelled", ""
"""What `Protocol.part` says of samples without a target: those of train groups, and those of other groups."""

FEW_GROUPS = 40
"""Below so many groups a single split tests on six or fewer."""


@dataclass(frozen=True, eq=False)
class Protocol:
    """Which samples are learned from, tuned on and tested on, and what is predicted.

    Parameters
    ----------
    name : readable; the MLflow experiment. Two protocols may share a name (another version of the data), never an `id`.
    id : hash of the data's name and version, group → part (or fold), targets, label range and label rule.
    split_id : hash of sample → part alone.
    part : (n,) train, validation, test, `UNLABELLED` or `LEFT_OUT`, for each row of `data`.
    values : (n, t) the targets of each row of `data`; of a classifier its class (n, 1).
    targets : names of the columns that are predicted; `target_block` is the block that they are of, or `LABEL`.
    low, high : label range, or None.
    classes : what a classifier tells apart, by name; empty where numbers are predicted.
    groups : part → number of groups with labelled samples.
    notes : sentences that stand beside every result.
    leaks : what stands in two parts and must not.
    folds : of a protocol that is tested by folds the protocol of each fold, with the same name and id. All samples are
        in its own test part.
    fold : of a fold its number, from 1.
    search_folds : where each trial is scored on several folds of train and validation, the protocol of each: the same
        but for these two parts. See `training.search_folds`.
    inputs : (block names, seconds of context) → inputs of all samples, kept once they were asked for: finding the rows
        of windows takes long, and the folds of a protocol have the same ones.
    """

    name: str
    id: str
    split_id: str
    part: Strings
    data: Dataset
    values: Values
    target_block: str
    targets: tuple[str, ...]
    low: float | None
    high: float | None
    groups: Mapping[str, int]
    notes: tuple[str, ...]
    classes: tuple[str, ...] = ()
    folds: tuple[Protocol, ...] = ()
    fold: int | None = None
    search_folds: tuple[Protocol, ...] = ()
    leaks: tuple[Leak, ...] = ()
    inputs: dict[tuple[tuple[str, ...], float | None], views.Inputs] = field(default_factory=dict, repr=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Protocol) and (self.id, self.fold) == (other.id, other.fold)

    def __hash__(self) -> int:
        return hash((self.id, self.fold))

    def rows(self, part: str) -> Indices:
        """Return the rows of `data` in a part, in the order in which a method is given them.

        Test samples come in an order that tells nothing of their names: recordings by a hash, each in time order;
        without recordings, samples by a hash.
        """
        rows = np.flatnonzero(self.part == part)
        if part != TEST:
            return rows
        sample = splits.places(self.data.sample[rows])
        if self.data.sequence is None or self.data.time is None:
            return rows[np.argsort(sample)]
        return rows[np.lexsort((sample, self.data.time[rows], splits.places(self.data.sequence[rows])))]

    def split(self, method: Method, settings: Settings, *, test: bool) -> Split:
        """Return what the method is given under these settings. Test inputs come without y, label and true names."""
        names, seconds = method.blocks(settings), method.seconds(settings)
        inputs = self._inputs(names, seconds)
        blocks = {name: views.find(self.data.blocks, name, seconds) for name in names}
        unlabelled = self._part(UNLABELLED, inputs)
        return Split(
            train=self._part(TRAIN, inputs),
            validation=self._part(VALIDATION, inputs),
            test=self._part(TEST, inputs) if test else None,
            blocks={name: replace(block, values=block.values[:0], stream=None) for name, block in blocks.items()},
            targets=self.targets,
            low=self.low,
            high=self.high,
            classes=self.classes,
            unlabelled=unlabelled if len(unlabelled) else None,
        )

    def truth(self) -> dict[str, Values]:
        """Return part → targets (n, t), test included, in the parts' own order; class names (n, 1) of a classifier."""
        return {name: self.values[self.rows(name)] for name in PARTS}

    @property
    def metrics(self) -> tuple[str, ...]:
        """Return the metrics of `affect.metrics` that score its predictions."""
        return CLASSIFICATION if self.classes else REGRESSION

    def labels(self) -> dict[str, Strings] | None:
        """Return part → class names (n,), test included, or None where the data has no classes."""
        label = self.data.label
        return None if label is None else {name: label[self.rows(name)] for name in PARTS}

    def groups_left_out(self) -> list[str]:
        """Return the groups of which no sample is used: they have no label, and a published split tests on them."""
        used = np.unique(self.data.group[self.part != LEFT_OUT])
        return np.setdiff1d(self.data.group, used).tolist()  # type: ignore[no-any-return]

    def pooled(self, of_folds: Sequence[Values]) -> Values:
        """Return the folds' test predictions, each in its fold's order, as one array in the order of `rows(TEST)`."""
        pooled = np.empty((len(self.data.sample), *of_folds[0].shape[1:]), np.result_type(*of_folds))
        for fold, values in zip(self.folds, of_folds, strict=True):
            pooled[fold.rows(TEST)] = values
        return pooled[self.rows(TEST)]

    def table(self) -> pd.DataFrame:
        """Return a row per labelled sample: sample, group, part, and label and fold where there are any.

        Of a protocol by folds the part is test, and the fold is the one that tests the sample.
        """
        import pandas as pd

        labelled = np.isin(self.part, PARTS)
        columns: dict[str, Any] = {"sample": self.data.sample, "group": self.data.group, "part": self.part}
        if self.data.label is not None:
            columns["label"] = self.data.label
        if self.folds:
            columns["fold"] = np.zeros(len(self.part), np.int64)
            for fold in self.folds:
                columns["fold"][fold.part == TEST] = fold.fold
        return pd.DataFrame({name: values[labelled] for name, values in columns.items()})

    def _inputs(self, names: tuple[str, ...], seconds: float | None) -> views.Inputs:
        """Return the inputs of all samples; UserError for what the data lacks. Folds share them with the whole."""
        data, key = self.data, (names, seconds)
        if key not in self.inputs:
            try:
                self.inputs[key] = views.inputs(data.blocks, names, len(data.sample), data.sequence, data.time, seconds)
            except ValueError as error:
                raise UserError(f"{data.name}: {error}") from None
        return self.inputs[key]

    def _part(self, name: str, inputs: views.Inputs) -> Part:
        data, rows = self.data, self.rows(name)
        known = name in (TRAIN, VALIDATION)

        def pick(values: Any) -> Any:
            if values is None:
                return None
            picked = values[rows]
            picked.flags.writeable = False  # trials share a split: none may change what the next one sees
            return picked

        def names(values: Any) -> Any:
            # names tell: afraid_dance2_0 is a clip. Test samples that belong together still bear one name
            if values is None or name != TEST:
                return pick(values)
            return splits.numbered(values[rows])

        taken = inputs.take(rows)
        return Part(
            sample=names(data.sample),
            group=names(data.group),
            inputs=replace(taken, sequence=names(data.sequence)),
            y=pick(self._y()) if known else None,
            label=pick(data.label) if known else None,
        )

    def _y(self) -> Values:
        if not self.classes:
            return self.values
        index: Values = np.searchsorted(np.array(self.classes), self.values[:, 0]).astype(np.int64)
        return index


def make(
    data: Dataset,
    targets: str,
    split_seed: int = 0,
    published: Mapping[str, str] | None = None,
    *,
    test_folds: int | str | None = None,
    label_rule: str = FRAME,
    seconds: float | None = None,
    reconstructed: bool = False,
) -> Protocol:
    """Split `data` for predicting the block `targets`, or the class of a sample (`LABEL`).

    Parameters
    ----------
    published : group → part (see `training.splits.read`), or else the data's own published split; it is kept as it is.
        Where it has two parts they are train and test, and 15 % of the train groups, chosen by `split_seed`, become
        validation.
    test_folds : number of folds, or `LOSO`: every group is in test once. It takes the place of a published split.
    label_rule : `FRAME`, or `WINDOW_MEAN` for the mean label of the window of `seconds` that ends with the sample.
    reconstructed : whether the method is given what it predicts, as an autoencoder is: it is never compared with one
        that is not.

    Raises UserError where there are too few groups, a group that the published split does not know, or a recording that
    is in two groups.
    """
    if targets != LABEL and targets not in data.blocks:
        raise UserError(f"{data.name} has no block {targets!r}; it has {', '.join(data.blocks)}")
    if targets != LABEL and not data.blocks[targets].columns:
        raise UserError(f"the block {targets!r} of {data.name} has no named columns and cannot be predicted")
    if len(np.unique(data.sample)) != len(data.sample):
        raise ValueError(f"{data.name} has sample names that occur twice")
    splits.check_recordings(data)

    values, labelled = _targets(data, targets, label_rule, seconds)
    if not labelled.any():
        raise UserError(f"{data.name} has no sample with {CLASSES if targets == LABEL else targets}")
    classes = tuple(np.unique(values[labelled]).tolist()) if targets == LABEL else ()
    of_groups = splits.classes_of_groups(data, labelled)
    notes = [] if data.persons_known else ["persons unknown: the same person may be in two parts of the split"]
    assigned_folds: list[dict[str, str]] = []
    if test_folds is not None:
        assigned_folds, drawn = splits.folds(of_groups, data.group_kind, split_seed, test_folds)
        notes += drawn
        assigned = dict.fromkeys(of_groups, TEST)
        published = None
        owners = Counter(label for counts in of_groups.values() for label in counts)
        if targets == LABEL and (single := sorted(label for label, n in owners.items() if n == 1)):
            notes.append(
                f"{counted(len(single), 'class')} with one {data.group_kind} only ({listed(single)}): in the fold that "
                f"tests this {data.group_kind}, train has no sample of the class"
            )
    else:
        published = published if published is not None else data.published_split
        if published is None:
            assigned, drawn = splits.fresh(of_groups, data.group_kind, split_seed)
            if len(of_groups) < FEW_GROUPS:
                tested = sum(part == TEST for part in assigned.values())
                drawn.append(
                    f"{len(of_groups)} {plural(data.group_kind)} in all: this split tests on {tested} of them; "
                    f"--test-folds K or {LOSO} tests on every one"
                )
        else:
            assigned, drawn = splits.as_published(published, of_groups, data, split_seed)
        notes += drawn

    # a published part holds for groups without any label too: challenges keep the labels of their test part
    part = _parts(data, {**(published or {}), **assigned}, labelled)
    if without := int((~labelled).sum()):
        unlabelled = int((part == UNLABELLED).sum())
        used = (
            "in each fold those of train groups serve as unlabelled inputs, and the others are left out"
            if assigned_folds
            else f"{unlabelled} of train groups serve as unlabelled inputs, "
            f"{without - unlabelled} of other groups are left out"
        )
        notes.append(f"{without} of {len(labelled)} samples have no label: {used}")
    if targets != LABEL and data.label is not None and (none := int((data.label[labelled] == "").sum())) > 0:
        notes.append(
            f"{none} of {int(labelled.sum())} samples have no emotion: the baseline that predicts the mean of each "
            "emotion leaves them out"
        )
    of_folds = [_parts(data, fold, labelled) for fold in assigned_folds] or [part]
    leaking = leaks.found(data, [np.where(of == UNLABELLED, TRAIN, of) for of in of_folds], LEFT_OUT)
    if leaking:
        notes.append(f"LEAK: {leaks.sentence(leaking)}; test scores are too good")
    seeded = published is None or VALIDATION not in published.values()
    block = Block(np.empty(0), (CLASSES,)) if classes else data.blocks[targets]
    rule = label_rule if seconds is None or label_rule == FRAME else f"{label_rule} {seconds:g} s"
    identity: dict[str, Any] = {
        "data": data.name,
        "version": data.version,
        "groups": assigned_folds or assigned,
        "targets": [targets, *block.columns, *classes],
        "range": [block.low, block.high],
        "label": rule,
        "reconstructed": reconstructed,
    }
    whole = Protocol(
        name=protocol_names.name(
            data,
            targets,
            split_seed if seeded else 0,
            published is not None,
            test_folds,
            rule,
            reconstructed,
            bool(leaking),
        ),
        id=digest(identity),
        split_id=split_id(data, part),
        part=part,
        data=data,
        values=values,
        target_block=targets,
        targets=block.columns,
        low=block.low,
        high=block.high,
        groups={name: sum(p == name for p in assigned.values()) for name in PARTS},
        notes=tuple(notes),
        classes=classes,
        leaks=leaking,
    )
    if not assigned_folds:
        return whole
    fold_protocols = tuple(_fold(whole, k, of_fold, labelled) for k, of_fold in enumerate(assigned_folds, 1))
    smallest = {name: min(fold.groups[name] for fold in fold_protocols) for name in (TRAIN, VALIDATION)}
    return replace(whole, folds=fold_protocols, groups={**smallest, TEST: len(of_groups)})


def for_method(
    method: Method,
    data: Dataset,
    settings: Settings,
    split_seed: int = 0,
    published: Mapping[str, str] | None = None,
    test_folds: int | str | None = None,
) -> Protocol:
    """Return the protocol under which a method with these settings is scored on `data`; see `make`."""
    return make(
        data,
        method.targets,
        split_seed,
        published,
        test_folds=test_folds,
        label_rule=str(settings.get(LABEL_RULE, FRAME)),
        seconds=method.seconds(settings),
        reconstructed=method.targets in method.blocks(settings),
    )


def _fold(whole: Protocol, number: int, assigned: Mapping[str, str], labelled: NDArray[np.bool_]) -> Protocol:
    part = _parts(whole.data, assigned, labelled)
    groups = {name: sum(p == name for p in assigned.values()) for name in PARTS}
    return replace(whole, fold=number, part=part, split_id=split_id(whole.data, part), groups=groups)


def split_id(data: Dataset, part: Strings) -> str:
    """Return the hash of sample → part (n,)."""
    return digest(dict(zip(data.sample.tolist(), part.tolist(), strict=True)))


def _parts(data: Dataset, assigned: Mapping[str, str], labelled: NDArray[np.bool_]) -> Strings:
    """Return the part (n,) of each sample; groups without any label that `assigned` does not name are train groups."""
    groups, place = np.unique(data.group, return_inverse=True)
    part = np.array([assigned.get(group, TRAIN) for group in groups.tolist()], dtype="<U10")[place]
    part[~labelled & (part == TRAIN)] = UNLABELLED
    part[~labelled & (part != UNLABELLED)] = LEFT_OUT
    part.flags.writeable = False
    return part


def _targets(data: Dataset, targets: str, rule: str, seconds: float | None) -> tuple[Values, Any]:
    """Return the targets (n, t), of a classifier the classes (n, 1), and which samples have one (n,)."""
    if targets == LABEL:
        if data.label is None:
            raise UserError(f"{data.name} has no classes to predict")
        return data.label[:, None], data.label != ""
    values = data.blocks[targets].values
    labelled: Any = np.isfinite(values).all(axis=1)
    if rule == WINDOW_MEAN:
        if seconds is None or data.sequence is None or data.time is None:
            raise UserError(
                f"{data.name}: label={WINDOW_MEAN} needs recordings with time, and a method that looks back"
            )
        rows = np.flatnonzero(labelled)
        windows = views.look_back(data.sequence, data.time, data.sequence[rows], data.time[rows], seconds)
        window, mask = views.View(values[rows], windows)[:]
        count = np.maximum(mask.sum(axis=1), 1)[:, None]
        values = np.where(labelled[:, None], window.sum(axis=1, dtype=np.float64) / count, np.nan)
    return values, labelled
