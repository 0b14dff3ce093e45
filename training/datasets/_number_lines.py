"""Texts of a few numbers in each line, as annotation tools write them; the underscore marks what readers share."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

from training.contract import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_BETWEEN = re.compile(r"\s*[,;]\s*|\s+")
_COUNTS = ("no number", "one number", "two numbers")
_SHOWN = 60


def read(file: Path, columns: Sequence[str], example: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the numbers (n, c) of a text, a row for each line, and the number (n,) of that line in the file.

    Blanks, tabs, commas or semicolons stand between the numbers. Empty lines are left out, and so is a first line of
    names. UserError, with file and line, where a line holds anything else; `example` is a line, for messages.
    """
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UserError(f"{file} cannot be read: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{file}: expected UTF-8 text, found the byte {error.object[error.start]:#04x}") from error
    rows: list[list[float]] = []
    lines: list[int] = []
    named = False
    for number, content in enumerate(text.splitlines(), 1):
        stripped = content.strip()
        if not stripped:
            continue
        fields = _BETWEEN.split(stripped)
        if not rows and not named and not any(map(_NUMBER.fullmatch, fields)):
            named = True
            continue
        row = [float(field) for field in fields if _NUMBER.fullmatch(field)]
        if not len(row) == len(fields) == len(columns) or not all(map(math.isfinite, row)):
            found = stripped if len(stripped) <= _SHOWN else stripped[:_SHOWN] + "…"
            raise UserError(
                f"{file}, line {number}: expected {_COUNTS[len(columns)]}, {' and '.join(columns)}, found {found!r}"
            )
        rows.append(row)
        lines.append(number)
    if not rows:
        raise UserError(f"{file} has no row of numbers: expected lines of {' and '.join(columns)}, such as {example}")
    return np.array(rows), np.array(lines)
