"""The best trials of a search beside the same configurations fitted again with new seeds (``--confirm-top``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from affect.record import Kind, State

if TYPE_CHECKING:
    from dashboard.results.study import Study

COLUMNS = ("trial", "search", "again", "sd", "fits", "drop", "chosen")


def table(study: Study) -> pd.DataFrame:
    """Return a row for each trial that was fitted again, the best mean first: `COLUMNS`.

    search : its value in the search. again, sd : mean and standard deviation (n − 1) of the new fits. fits : how many
    came through. drop : how much worse the mean is than the search's value, negative where it is better.
    chosen : whether it is the one that was refitted for the test.
    """
    kinds = study.index.kinds[study.index.children(study.run_id, None, study.fold)]
    runs = study.runs[kinds == Kind.CONFIRMATION]
    ended = runs[runs["state"].isin([State.COMPLETE, State.FAILED])] if len(runs) else runs
    if ended.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    again = pd.to_numeric(ended["value"], errors="coerce").groupby(ended["trial"].astype(int))
    rows = pd.DataFrame({"again": again.mean(), "sd": again.std(), "fits": again.count()})
    search = study.trials().set_index("trial")["value"]
    rows = rows.assign(search=search.reindex(rows.index))
    worse = 1 if study.record.direction == "minimize" else -1
    rows = rows.assign(drop=worse * (rows["again"] - rows["search"]), chosen=rows.index == study.best_number)
    rows = rows.sort_values("again", ascending=worse == 1, kind="stable")
    return rows.rename_axis("trial").reset_index()[list(COLUMNS)]


def sentence(rows: pd.DataFrame, metric: str) -> str:
    """Say how much the search's best lost when it was fitted again, and which trial was chosen instead."""
    known = rows.dropna(subset=["search", "again"])
    if known.empty:
        return ""
    lost = known["drop"].mean()  # the larger, the more of the search's values was luck
    way = "worse" if lost > 0 else "better"
    text = f"With new seeds the first {len(known)} trials are {abs(lost):.3g} {way} in {metric} on average."
    chosen = known[known["chosen"]]
    return text if chosen.empty else f"{text} Trial {int(chosen['trial'].iloc[0])} has the best mean and was refitted."
