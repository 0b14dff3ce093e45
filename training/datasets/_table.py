"""A CSV file read strictly, for readers to use; the underscore says that it is no data set.

Every cell that a reader asks for is there and is what it should be, or a UserError says which is not.
Lines are counted as an editor counts them: the header is line 1, and a line in quotes or an empty one counts too.
"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import math
import re
import zlib
from typing import TYPE_CHECKING

from training import messages
from training.contract import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    Numbers = dict[str, NDArray[np.float64]]
    Texts = dict[str, NDArray[np.str_]]

_NUMBER = re.compile(r"[ \t]*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[ \t]*", re.ASCII)
"""float() would also take 1_000, digits of other scripts and odd blanks."""

_EMPTY = ("", "nan", "NaN", "NAN", "NA")
"""What a cell holds where a number may be missing."""

_SHOWN = 60
"""Characters of a cell that a message quotes."""

SUFFIXES = (".csv", ".csv.gz")
LONGEST = 10_000
"""Characters of a text; two stray quotation marks make one of half a file."""
_GZIP = b"\x1f\x8b"
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_DECIMALS = {".": "a decimal point", ",": "a decimal comma"}
_NOT_UTF8 = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"PK": "a zip archive or a workbook", b"PAR1": "Parquet"}


class Table:
    """One CSV file: `header` (column names without surrounding blanks), and after `read` what was `skipped`, by reason.

    Parameters
    ----------
    path : a CSV file, which gzip may have packed.
    separator, quote, decimal : how it writes columns, texts and numbers. An empty `quote` is none.
    where : the place at which a person says how the file is written, for messages; empty where there is none.

    Raises UserError where `path` is not a file that can be read as UTF-8 text with a header and at least one row.
    """

    def __init__(
        self, path: Path, *, separator: str = ",", quote: str = '"', decimal: str = ".", where: str = ""
    ) -> None:
        self.path, self._separator, self._quote, self._decimal = path, separator, quote, decimal
        self._where = where
        content = _content(path)
        self.skipped: dict[str, list[str]] = {}
        self._text = _decode(path, content)
        header, self._first_line = next(self._records(), (None, 0))
        if header is None:
            raise UserError(f"{path} is empty: expected a line of column names and a row for each sample")
        self.header = tuple(name.strip() for name in header)
        # the lines above the first row are cut off, so that the fast reader sees rows alone
        self._body_line = self._first_line + 1 + sum(name.count("\n") for name in header)
        self._body_start = _nth_line(self._text, self._body_line)

    def require(self, columns: Iterable[str], why: str = "") -> None:
        """Raise UserError where a column is missing or there twice; the message names the nearest ones there are."""
        missing = [name for name in columns if name not in self.header]
        if missing:
            raise UserError(self._other_separator(missing) or self._missing(missing) + why)
        for name in columns:
            if self.header.count(name) > 1:
                at = [str(i + 1) for i, other in enumerate(self.header) if other == name]
                raise UserError(
                    f"{self.path}, line {self._first_line}: expected each column once, found {name!r} "
                    f"{len(at)} times (columns {', '.join(at)})"
                )

    def optional(self, column: str) -> bool:
        """Return whether `column` is there; raise UserError where only its misspelling is, which must not go unseen."""
        if column in self.header:
            self.require([column])
            return True
        close = messages.close(column, filter(None, self.header), cutoff=0.8)
        if close:
            raise UserError(
                f"{self.path}, line {self._first_line}: found a column {close[0]!r}, expected {column!r} "
                "if that is what it holds; rename the column, or give it a name of its own"
            )
        return False

    def read(
        self,
        numbers: Sequence[str],
        texts: Sequence[str] = (),
        notes: Sequence[str] = (),
        gaps: Sequence[str] = (),
    ) -> tuple[Numbers, Texts]:
        """Return the columns `numbers` as (n,) float64, all finite, and `texts` as (n,) strings, none empty.

        `notes` are texts that may be empty; they are returned among the texts. `gaps` are numbers that may be missing
        (an empty cell, NaN or NA); they are returned among the numbers, NaN where missing.

        Raises UserError for the first cell that is not so, for a row with too few or too many fields, and where the
        file has no row at all.
        """
        self.require([*numbers, *texts, *notes, *gaps])
        if not self._text[self._body_start :].strip():
            raise UserError(f"{self.path} has column names and no rows: expected a row for each sample")
        # only a file that pyarrow dislikes is read cell by cell, to say which cell it is
        return self._read_fast(numbers, texts, notes, gaps) or self._read_cells(numbers, texts, notes, gaps)

    def lines(self) -> list[int]:
        """Return the line in the file on which each row begins."""
        return [line for _, line in self._rows()]

    def refuse(self, row: int, column: str, expected: str, more: int = 0) -> UserError:
        """Return the error for the cell of row `row` (from 0) and `column`; `more` counts further cells like it."""
        record, line = next(itertools.islice(self._rows(), row, None))
        return self._cell(line, column, expected, record[self.header.index(column)], more)

    # ------------------------------------------------------------------------------- where it went wrong

    def _records(self) -> Iterator[tuple[list[str], int]]:
        """Yield each record that is not empty, with the line on which it begins."""
        return ((record, line) for record, line in self._all() if any(field.strip() for field in record))

    def _all(self) -> Iterator[tuple[list[str], int]]:
        """Yield each record, with the line on which it begins; of an empty line [] or one blank cell."""
        quoting = {"quotechar": self._quote} if self._quote else {"quoting": csv.QUOTE_NONE}
        reader = csv.reader(io.StringIO(self._text, newline=""), delimiter=self._separator, **quoting)
        while True:
            line = reader.line_num + 1
            try:
                record = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise UserError(f"{self.path}, line {line}: cannot be read as CSV: {error}") from error
            yield record, line

    def _blank(self) -> Iterator[int]:
        """Yield the line of each row that has cells and nothing in any of them."""
        return (line for record, line in self._all() if record and not any(field.strip() for field in record))

    def _rows(self) -> Iterator[tuple[list[str], int]]:
        rows = self._records()
        next(rows)
        return rows

    def _cell(self, line: int, column: str, expected: str, found: str, more: int = 0) -> UserError:
        found = found if len(found) <= _SHOWN else found[:_SHOWN] + "…"
        also = f" (and {more} more like it in this column)" if more else ""
        return UserError(f"{self.path}, line {line}, column {column}: expected {expected}, found {found!r}{also}")

    def _read_fast(
        self, numbers: Sequence[str], texts: Sequence[str], notes: Sequence[str], gaps: Sequence[str] = ()
    ) -> tuple[Numbers, Texts] | None:
        """Return what `_read_cells` returns, fifty times as fast; None where that must decide."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc
        from pyarrow import csv as arrow_csv

        wanted = [*numbers, *texts, *notes, *gaps]
        # stand-ins for the columns that nobody asked for, which may share a name
        names = [name if name in wanted else f"\0{i}" for i, name in enumerate(self.header)]
        try:
            table = arrow_csv.read_csv(
                io.BytesIO(self._text[self._body_start :].encode()),
                read_options=arrow_csv.ReadOptions(column_names=names, use_threads=False),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=self._separator, quote_char=self._quote or False, newlines_in_values=True
                ),
                convert_options=arrow_csv.ConvertOptions(
                    include_columns=wanted,
                    column_types={name: pa.float64() for name in (*numbers, *gaps)}
                    | {name: pa.string() for name in (*texts, *notes)},
                    null_values=_EMPTY if gaps else [],
                    decimal_point=self._decimal,
                ),
            )
        except pa.ArrowInvalid:
            return None
        if any((pc.max(pc.utf8_length(table.column(name))).as_py() or 0) > LONGEST for name in (*texts, *notes)):
            return None  # one array of texts has room for the longest of them in each row
        columns = {name: table.column(name).to_numpy() for name in wanted}
        read = {name: columns[name] for name in (*numbers, *gaps)}
        named = {name: np.char.strip(columns[name].astype(np.str_)) for name in (*texts, *notes)}
        if not all(np.isfinite(read[name]).all() for name in numbers) or any(np.isinf(read[n]).any() for n in gaps):
            return None
        return (read, named) if all((named[name] != "").all() for name in texts) else None

    def _read_cells(
        self, numbers: Sequence[str], texts: Sequence[str], notes: Sequence[str], gaps: Sequence[str] = ()
    ) -> tuple[Numbers, Texts]:
        """Return the columns, or raise the UserError for the first offence in the file."""
        import numpy as np

        place = {name: self.header.index(name) for name in (*numbers, *texts, *notes, *gaps)}
        if blank := [str(line) for line in self._blank()]:
            self.skipped["rows of empty cells, by line"] = blank
        read: dict[str, list[float]] = {name: [] for name in (*numbers, *gaps)}
        named: dict[str, list[str]] = {name: [] for name in (*texts, *notes)}
        for record, line in self._rows():
            if len(record) != len(self.header):
                raise UserError(
                    f"{self.path}, line {line}: expected {len(self.header)} fields as in the header, "
                    f"found {len(record)}"
                )
            for name in read:
                text = record[place[name]]
                if name in gaps and text.strip() in _EMPTY:
                    read[name].append(math.nan)
                    continue
                problem = self._not_a_number(text)
                if problem:
                    raise self._cell(line, name, problem, text)
                read[name].append(float(text.replace(self._decimal, ".")))
            for name in named:
                if name in texts and not record[place[name]].strip():
                    raise self._cell(line, name, "a name", record[place[name]])
                if len(record[place[name]]) > LONGEST:
                    raise self._cell(line, name, f"at most {LONGEST:,} characters", record[place[name]])
                named[name].append(record[place[name]].strip())
        return (
            {name: np.array(values, np.float64) for name, values in read.items()},
            {name: np.array(values, np.str_) for name, values in named.items()},
        )

    def _missing(self, missing: Sequence[str]) -> str:
        described = []
        for name in missing[:4]:
            close = " or ".join(map(repr, messages.close(name, filter(None, self.header), count=2, cutoff=0.6)))
            described.append(f"{name!r}" + (f" (nearest: {close})" if close else ""))
        if len(missing) > 4:
            described.append(f"{len(missing) - 4} more")
        has = ", ".join(name[:_SHOWN] for name in self.header[:8]) + (
            f" … ({len(self.header)} columns)" if len(self.header) > 8 else ""
        )
        plural = "s" if len(missing) > 1 else ""
        return f"{self.path}, line {self._first_line}: expected column{plural} {', '.join(described)}; found {has}"

    def _not_a_number(self, text: str) -> str:
        """Return what was expected instead of `text`, or nothing where it is a finite number."""
        plain = text
        if self._decimal == ",":
            plain = "" if "." in text else text.replace(",", ".")
        if _NUMBER.fullmatch(plain):
            return "" if math.isfinite(float(plain)) else "a finite number"
        if re.fullmatch(r"[ \t]*[+-]?(nan|inf|infinity)[ \t]*", text, re.IGNORECASE):
            return "a finite number"
        (other,) = {*_DECIMALS} - {self._decimal}
        if re.fullmatch(rf"[ \t]*[+-]?\d+[{other}]\d+[ \t]*", text):
            return f"a number with {_DECIMALS[self._decimal]}{self._declare(decimal=other)}"
        return "a number"

    def _declare(self, **dialect: str) -> str:
        """Return what to write where the file is written in another way than was said; empty where nobody can say."""
        if not self._where:
            return ""
        lines = " and ".join(f'{key} = "{value}"'.replace("\t", "\\t") for key, value in dialect.items())
        return f" (or, where all of it is written so, {lines} {self._where})"

    def _other_separator(self, missing: Sequence[str]) -> str | None:
        """Return what to say where the columns are all there, only separated in another way."""
        header = self._text[: self._body_start].rstrip("\r\n").splitlines()[-1]
        row = self._text[self._body_start : self._body_start + 10_000].partition("\n")[0]
        for separator, word in _SEPARATORS.items():
            names = {name.strip().strip("\"'") for name in header.split(separator)}
            if separator == self._separator or names.isdisjoint(missing):
                continue
            (other,) = {*_DECIMALS} - {self._decimal}
            edge = re.escape(separator)
            number = re.search(rf"(?:^|(?<={edge}))\s*(-?\d+[{other}]\d+)\s*(?:$|(?={edge}))", row)
            found = f" and numbers with {_DECIMALS[other]} ({number[1]!r})" if number else ""
            dialect = {"separator": separator, **({"decimal": other} if number else {})}
            return (
                f"{self.path}, line {self._first_line}: expected columns separated by {_SEPARATORS[self._separator]} "
                f"and {_DECIMALS[self._decimal]}, found {word} ({separator!r}){found}{self._declare(**dialect)}"
            )
        return None


def _content(path: Path) -> bytes:
    """Return the file's bytes, unpacked where they are gzip's."""
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(_not_there(path)) from error
    except IsADirectoryError as error:
        inside = sorted(p.name for p in path.iterdir() if p.name.endswith(SUFFIXES))
        hint = f"in it: {', '.join(inside[:4])}" if inside else "it holds no CSV file"
        raise UserError(f"{path} is a folder: expected a file ({' or '.join(SUFFIXES)}); {hint}") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    if not content.startswith(_GZIP):
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(
            f"{path} is damaged: expected a whole gzip file, found {len(content):,} bytes that do not unpack "
            f"({error}); copy or download it again"
        ) from error


def _not_there(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"{path} does not exist, and {folder} is no folder"
    names = sorted(p.name for p in folder.iterdir())
    close = messages.close(path.name, names, cutoff=0.5)
    close = close or [name for name in names if name.endswith(SUFFIXES)][:4]
    return f"{path} does not exist; " + (f"nearest in {folder}: {', '.join(close)}" if close else f"see {folder}")


def _decode(path: Path, content: bytes) -> str:
    """Return the text without a byte order mark."""
    for start, what in _NOT_UTF8.items():
        if content.startswith(start):
            raise UserError(f"{path}: expected CSV text in UTF-8, found {what}")
    if b"\0" in content:
        line = content.count(b"\n", 0, content.index(b"\0")) + 1
        raise UserError(f"{path}, line {line}: expected CSV text in UTF-8, found a zero byte, which text does not have")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path}, line {line}: expected text in UTF-8, found the byte 0x{content[error.start]:02x}; "
            "save the file as UTF-8"
        ) from error


def _nth_line(text: str, line: int) -> int:
    """Return where line `line` (from 1) begins in `text`, or its length where it has fewer."""
    breaks = re.compile(r"\r\n|\r|\n").finditer(text)
    for number, found in enumerate(breaks, start=2):
        if number == line:
            return found.end()
    return len(text)
