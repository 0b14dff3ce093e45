"""What a network with attention looked at in a recording, under the trace of truth and prediction."""

from __future__ import annotations

from collections.abc import Iterator

from affect.record import Artifact
from dashboard.figures import attention, predictions
from dashboard.views.ask import Ask
from dashboard.views.choice import Choice
from dashboard.views.items import Item, Message, Section

MEAN = "mean of all"
HOW = (
    "A column is a test sample; a row says how many seconds before it a step is, and the colour how much the network's "
    "last step takes of it. What is taken of no step at all is in the table."
)


def view(choice: Choice, ask: Ask) -> Iterator[Item]:
    """Show the attention of each chosen run in one recording."""
    tables, predicted = choice.tables(Artifact.ATTENTION), choice.tables(Artifact.PREDICTIONS)
    tables = {name: table for name, table in tables.items() if name in predicted and len(table)}
    if not tables:
        yield Message("These runs have no table of attention and predictions that can be read.")
        return
    test = {name: predictions.of_part(predicted[name], "test") for name in tables}
    recordings = list(
        dict.fromkeys(
            str(sequence)
            for name, table in tables.items()
            for sequence in test[name].loc[test[name]["sample"].isin(set(table["sample"])), "sequence"]
        )
    )
    if not recordings:
        yield Message("No sample of these tables has a prediction on test.")
        return
    sequence = ask.one("Recording", recordings, "attention_of")
    heads = sorted({int(head) for table in tables.values() for head in table["head"].unique()} - {attention.MEAN})
    chosen = ask.one("Head", [MEAN, *(str(head + 1) for head in heads)], "head")
    head = attention.MEAN if chosen == MEAN else int(chosen) - 1
    for place, (name, table) in enumerate(tables.items()):
        with choice.guard(name):
            weights = attention.in_recording(table, test[name], sequence, head)
            targets = predictions.targets(test[name])
            if weights.empty:
                yield Message(f"{name} has no sample of {sequence} in its table.")
                continue
            kept, every = table["sample"].nunique(), len(test[name])
            yield Section(
                f"{name}: {sequence}",
                f"{HOW} Attention was kept of {kept:,} of {every:,} test samples.",
                attention.draw(weights, attention.trace(test[name], sequence, targets), targets),
                weights,
                f"attention_{place}",
                notes=choice.which_seed(Artifact.ATTENTION),
            )
            shares = attention.shares(weights)
            text = "Of what is taken on average, the share of each modality."
            yield Section("", text, frame=shares, key=f"attention_shares_{place}")
