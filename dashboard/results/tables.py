"""Tables as a reader wants them: numbers rounded by column, times in UTC, CSV in full precision, LaTeX for a thesis."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

NOTHING = 1e-12
"""What rounding leaves of nothing."""

_LATEX = str.maketrans(
    {
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
        "<": r"$<$",
        ">": r"$>$",
        "≤": r"$\leq$",
        "≥": r"$\geq$",
        "≈": r"$\approx$",
        "→": r"$\rightarrow$",
        "·": r"$\cdot$",
        "²": r"\textsuperscript{2}",
        "†": r"\textsuperscript{\dag}",
        "…": r"\dots{}",
        "’": "'",
    }
)
UTC = " (UTC)"
"""Ends the name of a column of times: all times are UTC and say so."""


def number(value: Any, digits: int = 3) -> str:
    """Return a score with `digits` decimals, whole numbers as they are, and nothing for a missing value.

    Very small and very large numbers have `digits` significant digits instead.
    """
    if _missing(value):
        return ""
    if isinstance(value, bool | np.bool_ | int | np.integer):
        return str(value)
    if isinstance(value, float | np.floating):
        real = float(value)
        real = 0.0 if abs(real) < NOTHING else real
        if real == 0 or 1e-3 <= abs(real) < 1e5:
            return f"{real:.{digits}f}"
        return f"{real:.{digits}g}"
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d %H:%M}"
    return str(value)


def spread(value: float, sd: float, digits: int = 3, form: str = "{} ± {}") -> str:
    """Return a mean and its standard deviation with the same decimals: ``0.357 ± 0.004``, ``0.099 ± <0.001``."""
    if _missing(sd):
        return number(value, digits)
    least = 10.0**-digits
    around = "0" if abs(sd) < NOTHING else f"<{least:g}" if sd < least / 2 else f"{sd:.{digits}f}"
    return form.format(number(value, digits), around)


def interval(low: float, high: float, digits: int = 3) -> str:
    """Return a 95 % interval, `` [0.285, 0.381]``; empty where there is none."""
    return "" if _missing(low) or _missing(high) else f" [{number(low, digits)}, {number(high, digits)}]"


def texts(frame: pd.DataFrame, digits: int = 3) -> pd.DataFrame:
    """Return a table as text, each column in its own way: counts without decimals, dates without fractions."""
    kept = dated(frame)
    columns = [_column(kept.iloc[:, place], digits) for place in range(kept.shape[1])]
    return pd.DataFrame(dict(enumerate(columns)), index=kept.index).set_axis(kept.columns, axis=1)


def _column(values: pd.Series, digits: int) -> list[str]:
    if values.dtype.kind == "f":
        known = values.dropna()
        whole = bool(len(known)) and bool(np.isfinite(known).all()) and bool((known == known.round()).all())
        if whole and known.abs().max() < 1e15:
            return ["" if _missing(v) else str(int(v)) for v in values]
    return [number(value, digits) for value in values]


def _missing(value: Any) -> bool:
    return (
        value is None
        or value is pd.NA
        or value is pd.NaT
        or (isinstance(value, float | np.floating) and value != value)
    )


def dated(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose times are UTC without a zone, to the second, in columns whose names end in ``(UTC)``."""
    found, names = frame.copy(deep=False), list(frame.columns)
    for place, name in enumerate(names):
        values = frame.iloc[:, place]
        if pd.api.types.is_datetime64_any_dtype(values.dtype):
            found.isetitem(place, pd.to_datetime(values, utc=True).dt.tz_convert(None).dt.floor("s").array)
            names[place] = name if str(name).endswith(UTC) else f"{name}{UTC}"
    return found.set_axis(names, axis=1)


def csv(frame: pd.DataFrame) -> str:
    """Return a table as CSV with full precision, without its index; what rounding leaves of nothing is 0."""
    kept = dated(frame)
    for place in range(kept.shape[1]):
        values = kept.iloc[:, place]
        if values.dtype.kind == "f":
            kept.isetitem(place, values.mask(values.abs() < NOTHING, 0.0).array)
    return kept.to_csv(index=False)


def latex(
    frame: pd.DataFrame, caption: str = "", digits: int = 3, label: str = "", bold: Sequence[tuple[int, int]] = ()
) -> str:
    """Return a table as a LaTeX ``table`` in booktabs style: text left, numbers right, every name escaped.

    `bold` are the cells (row, column) that stand out, such as the best of each metric.
    """
    shown = texts(frame, digits)
    cells = pd.DataFrame({i: [_escape(text) for text in shown.iloc[:, i]] for i in range(shown.shape[1])})
    headings = [_escape(str(column)) for column in shown.columns]
    marks = pd.DataFrame("", index=cells.index, columns=cells.columns)
    for row, column in bold:
        marks.iloc[row, column] = "font-weight: bold"
    style = cells.style.hide(axis="index").format_index(lambda place: headings[int(str(place))], axis="columns")
    text = style.apply(lambda _: marks, axis=None).to_latex(
        None,
        hrules=True,
        column_format="".join("r" if frame.iloc[:, i].dtype.kind in "iuf" else "l" for i in range(frame.shape[1])),
        position_float="centering",
        convert_css=True,
        caption=_escape(caption) or None,
        label=label or None,
    )
    return f"% needs \\usepackage{{booktabs}}\n{text}"


def _escape(text: str) -> str:
    return text.translate(_LATEX)


def percent(value: float) -> str:
    """Return a share as whole percent, without a minus before nothing: ``23 %``."""
    return "" if math.isnan(value) else f"{round(100 * value) + 0:d} %"
