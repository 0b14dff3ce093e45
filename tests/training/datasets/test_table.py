"""The strict reading of a CSV file: its two ways agree, and nothing but UserError comes of a mess."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from training.contract import UserError
from training.datasets._table import Table

SAMPLE = 'name,x,y\n"one, ""1""",1,-2.5\ntwo,0.25,1e-3\n'
finite = st.floats(allow_nan=False, allow_infinity=False)
words = st.text(
    st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=8
)
quick = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


@quick
@given(rows=st.lists(st.tuples(words.filter(str.strip), finite, finite), min_size=1, max_size=8))
def test_what_was_written_is_read(file, rows):
    buffer = io.StringIO(newline="")
    csv.writer(buffer, quoting=csv.QUOTE_NONNUMERIC).writerows([("name", "x", "y"), *rows])
    file.write_text(buffer.getvalue(), "utf-8", newline="")
    numbers, texts = Table(file).read(["x", "y"], ["name"])
    assert list(zip(numbers["x"].tolist(), numbers["y"].tolist(), strict=True)) == [row[1:] for row in rows]
    assert texts["name"].tolist() == [row[0].strip() for row in rows]


@quick
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_and_both_ways_of_reading_agree(file, data):
    content = bytearray(data.draw(st.sampled_from([SAMPLE.encode(), gzip.compress(SAMPLE.encode(), mtime=0)])))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content)))
        patch = data.draw(
            st.sampled_from([b",", b'"', b"\n", b"\r", b"\0", b"\xff", b" ", b"nan", b"-", b"+", b"\xe2\x80\xa8"])
        )
        content[at : at + data.draw(st.integers(0, 2))] = patch
    file.write_bytes(content)
    try:
        table = Table(file)
        numbers, texts = table.read(["x", "y"], ["name"])
    except UserError as error:
        said = str(error)
    else:
        said = ""
    if said:
        assert said.startswith(str(file))
        return
    careful_numbers, careful_texts = table._read_cells(["x", "y"], ["name"], [])
    for name in ("x", "y"):
        assert np.array_equal(numbers[name], careful_numbers[name])
        assert np.isfinite(numbers[name]).all()
    assert texts["name"].tolist() == careful_texts["name"].tolist()
    assert len(table.lines()) == len(numbers["x"])


def test_rows_too_long_for_the_fast_way(file):
    """It reads blocks of 1 MB, and a row of comments may be longer."""
    comments = [f"c{i}" for i in range(20)]
    rows = [["x", *comments], *([str(i / 8), *["so " * 30_000] * 20] for i in range(2))]
    file.write_text("\n".join(",".join(row) for row in rows))
    table = Table(file)
    assert table._read_fast(["x"], [], []) is None
    assert table.read(["x"])[0]["x"].tolist() == [0, 0.125]


@pytest.mark.parametrize("cell", ["1", "+.5", " 1. ", "-1E-3", "\t2"])
def test_what_is_a_number(file, cell):
    file.write_text(f"x\n{cell}\n")
    assert Table(file).read(["x"])[0]["x"].tolist() == [float(cell)]


@pytest.mark.parametrize("cell", ["1_000", "٣", "\x0b1", "0x1", "1e", "--1", "1 2", "."])
def test_what_is_none(file, cell):
    file.write_text(f"x\n{cell}\n")
    with pytest.raises(UserError, match="line 2, column x: expected a number, found"):
        Table(file).read(["x"])


def test_notes_may_be_empty_and_names_may_not(file):
    file.write_text("name,x\na,1\n ,2\n")
    assert Table(file).read(["x"], notes=["name"])[1]["name"].tolist() == ["a", ""]
    with pytest.raises(UserError, match="line 3, column name: expected a name, found ' '"):
        Table(file).read(["x"], ["name"])


def test_lines_are_where_rows_begin(file):
    file.write_text('\n\nname,x\n\n"two\nlines",1\nplain,2\n\n\nlast,3\n')
    table = Table(file)
    assert table.lines() == [5, 7, 10]
    assert str(table.refuse(2, "x", "less", more=1)) == (
        f"{file}, line 10, column x: expected less, found '3' (and 1 more like it in this column)"
    )


def test_a_text_of_half_a_file_is_refused_before_it_fills_the_memory(file):
    """One cell of a megabyte in 3,000 rows would ask for 11 GB: an array of texts has room for the longest in each."""
    rows = [f'row {i},"{"word" * (25_000 if i == 7 else 1)}",{i}' for i in range(3000)]
    file.write_text("\n".join(["name,text,x", *rows]))
    for texts, notes in ((["name", "text"], []), (["name"], ["text"])):
        with pytest.raises(UserError, match="line 9, column text: expected at most 10,000 characters, found 'wordword"):
            Table(file).read(["x"], texts, notes)
    assert len(Table(file).read(["x"], ["name"])[0]["x"]) == 3000, "what is not asked for may be of any length"


def test_rows_of_empty_cells_are_left_out_and_counted(file):
    """As spreadsheets write them below the last row."""
    file.write_text("name,x\none,1\n,\n\ntwo,2\n , \n")
    table = Table(file)
    assert table.read(["x"], ["name"])[0]["x"].tolist() == [1, 2]
    assert table.skipped == {"rows of empty cells, by line": ["3", "6"]}


def test_a_field_without_end(file):
    file.write_text("x,y\n1," + "9" * 200_000 + "\n")
    with pytest.raises(UserError, match="line 2: cannot be read as CSV: field larger"):
        Table(file).read(["x", "y"])


class TestDialects:
    TEXT = "name;x;y\n'a;b';0,5;\nc;-1;nan\nd;1e3;2,25\n"

    @pytest.fixture
    def table(self, file):
        file.write_text(self.TEXT, "utf-8")
        return Table(file, separator=";", quote="'", decimal=",")

    def test_separator_quote_decimal_and_gaps(self, table):
        numbers, texts = table.read(["x"], ["name"], gaps=["y"])
        assert texts["name"].tolist() == ["a;b", "c", "d"]
        assert numbers["x"].tolist() == [0.5, -1, 1000]
        np.testing.assert_array_equal(numbers["y"], [np.nan, np.nan, 2.25])

    def test_both_ways_of_reading_agree(self, table):
        fast, careful = (read(["x"], ["name"], [], ["y"]) for read in (table._read_fast, table._read_cells))
        for one, other in zip(fast, careful, strict=True):
            for name in one:
                np.testing.assert_array_equal(one[name], other[name])

    @pytest.mark.parametrize(
        ("cell", "expected"),
        [
            ("0.5", "a number with a decimal comma"),
            ("inf", "a finite number"),
            ("1.000,5", "a number"),
            ("", "a number"),
        ],
    )
    def test_a_wrong_number_is_named(self, file, cell, expected):
        file.write_text(f"x;y\n1,5;2\n{cell};3\n", "utf-8")
        with pytest.raises(UserError) as caught:
            Table(file, separator=";", decimal=",").read(["x", "y"])
        assert str(caught.value) == f"{file}, line 3, column x: expected {expected}, found {cell!r}"

    def test_what_to_write_is_said_where_it_can_be_said(self, file):
        file.write_text("x\ty\n1,5\t2\n", "utf-8")
        with pytest.raises(UserError, match=r'separator = "\\t" and decimal = "," under \[frames\]'):
            Table(file, where="under [frames]").read(["x", "y"])

    def test_infinity_is_no_gap(self, file):
        file.write_text("x\n1\ninf\n", "utf-8")
        with pytest.raises(UserError, match="line 3, column x: expected a finite number"):
            Table(file).read([], gaps=["x"])
