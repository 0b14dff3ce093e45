"""The tasks that judge codes of valence and arousal, for one or several runs beside what was published."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pandas as pd

from affect.published import published
from affect.record import Artifact
from dashboard.figures import alignment
from dashboard.results import names
from dashboard.views.ask import Ask
from dashboard.views.choice import Choice
from dashboard.views.items import Item, Message, Section

NONE = "The codes z_v and z_a of these runs were not judged by the seven tasks."


def view(task_key: str, metric_key: str) -> Callable[[Choice, Ask], Iterator[Item]]:
    """Return a view of one task and metric; the choices stand in the address under the two keys."""

    def make(choice: Choice, ask: Ask) -> Iterator[Item]:
        tables = choice.all_tables(Artifact.ALIGNMENT)
        tables = choice.map(tables, lambda name, of: [table for table in of if len(table)])
        tables = {name: of for name, of in tables.items() if of}
        if not tables:
            yield Message(NONE)
            return
        records = {name: choice.first(Artifact.ALIGNMENT)[name] for name in tables}
        methods = {name: record.method for name, record in records.items()}
        measured = alignment.collect(tables)
        paper = alignment.published_rows(published(), list(methods.values()))
        rows = pd.concat([measured, paper], ignore_index=True) if len(paper) else measured
        titles = {
            f"{task.number} {task.name}": key for key, task in alignment.TASKS.items() if key in set(rows["task"])
        }
        title = ask.one("Task", list(titles), task_key)
        task = alignment.TASKS[titles[title]]
        metrics = alignment.metrics_of(rows, titles[title])
        metric = ask.one("Metric", metrics, metric_key, name=names.metric, fixed=True)
        picked = alignment.of_task(rows, titles[title], metric)
        notes = list(alignment.notes(picked))
        if elsewhere := alignment.data_of(picked) - {record.dataset for record in records.values()}:
            notes.append(
                f"Open markers were published on {' and '.join(sorted(elsewhere))}, which is other data, with a split "
                "that was not stated: not comparable."
            )
        yield Section(
            f"Task {title}",
            task.about,
            alignment.draw(
                picked, methods, metric, inverse=titles[title] == "inverse_power", known=choice.index.methods
            ),
            alignment.wide(picked),
            "tasks",
            folded=False,
            notes=tuple(notes),
        )

    return make
