"""Tables as CSV and LaTeX."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "–": "--",
    "−": r"$-$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "→": r"$\rightarrow$",
    "·": r"$\cdot$",
}


def number(value: Any, digits: int = 3) -> str:
    """Return a figure with `digits` significant decimals, integers as they are, and nothing for a missing value."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float):
        if abs(value) < 1e-12:  # what rounding leaves of nothing
            value = 0.0
        if value == 0 or 1e-3 <= abs(value) < 1e5:
            return f"{value:.{digits}f}"
        return f"{value:.{digits}g}"
    return str(value)


def csv(frame: pd.DataFrame) -> str:
    """Return a table as CSV with full precision, without its index."""
    return frame.to_csv(index=False)


def latex(frame: pd.DataFrame, caption: str = "", digits: int = 3) -> str:
    """Return a table as a LaTeX ``table`` in booktabs style: text left, figures right, every name escaped."""
    figures = [frame[column].dtype.kind in "iuf" for column in frame]
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        *([rf"\caption{{{_escape(caption)}}}"] if caption else []),
        rf"\begin{{tabular}}{{{''.join('r' if f else 'l' for f in figures)}}}",
        r"\toprule",
        " & ".join(_escape(str(column)) for column in frame.columns) + r" \\",
        r"\midrule",
    ]
    for row in frame.itertuples(index=False):
        lines.append(" & ".join(_escape(number(value, digits)) for value in row) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])


def _escape(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)
