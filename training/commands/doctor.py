"""``doctor``: find what is wrong with a store, and mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from training.commands._console import console
from training.messages import counted

if TYPE_CHECKING:
    from rich.console import Console

    from training.doctor.problem import Problem
    from training.tracking.store import Store

SHOWN = 20


def doctor(
    fix: Annotated[bool, typer.Option("--fix", help="Mend what can be mended without deleting anything.")] = False,
    delete: Annotated[bool, typer.Option("--delete", help="With --fix: delete leftovers, too.")] = False,
    all_: Annotated[bool, typer.Option("--all", help=f"Show every problem, not the first {SHOWN} of a kind.")] = False,
) -> None:
    """Check the store: Optuna against MLflow, runs without workers, files. Says what it would do; --fix does it."""
    from training.tracking.store import Store

    left = run(Store.open(), console(), fix=fix, delete=delete, shown=None if all_ else SHOWN)
    raise typer.Exit(1 if left else 0)


def run(store: Store, out: Console, *, fix: bool, delete: bool, shown: int | None = SHOWN) -> int:
    """Print the problems of a store, mend those that are to be mended, and return how many are left."""
    from training.contract import UserError
    from training.doctor import checkup

    if delete and not fix:
        raise UserError("--delete says what --fix may do: give both")
    with out.status("checking the store") as status:
        problems = checkup.problems(store, status.update)
    if not problems:
        out.print(f"{store.folder}: nothing is wrong", markup=False)
        return 0
    _show(problems, out, shown)
    mended = [problem for problem in problems if fix and problem.mend and (delete or not problem.deletes)]
    for problem in mended:
        assert problem.mend is not None
        problem.mend()
    left = len(problems) - len(mended)
    if mended:
        out.print(f"{counted(len(mended), 'problem')} mended")
    if left:
        out.print(_left([problem for problem in problems if problem not in mended]), markup=False)
    return left


def _show(problems: list[Problem], out: Console, shown: int | None) -> None:
    from training.doctor.problem import KINDS

    for kind, meaning in KINDS.items():
        same = [problem for problem in problems if problem.kind == kind]
        if not same:
            continue
        out.print(f"{len(same)} × {kind}: {meaning}", style="bold", markup=False)
        for problem in same[:shown]:
            out.print(f"  {problem.text}", markup=False)
            out.print(f"    → {problem.remedy}", style="dim", markup=False)
        if shown is not None and len(same) > shown:
            out.print(f"  and {len(same) - shown} more (--all shows them)", markup=False)


def _left(problems: list[Problem]) -> str:
    """Return a sentence on the problems that were not mended: what mends them."""
    mendable = sum(problem.mend is not None and not problem.deletes for problem in problems)
    deleting = sum(problem.mend is not None and problem.deletes for problem in problems)
    person = len(problems) - mendable - deleting
    parts = [
        *([f"--fix mends {mendable}"] if mendable else []),
        *([f"--fix --delete removes {deleting}"] if deleting else []),
        *([f"{person} need a person" if person > 1 else "1 needs a person"] if person else []),
    ]
    return f"{counted(len(problems), 'problem')}: {', '.join(parts)}"
