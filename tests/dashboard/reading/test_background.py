"""No page waits for a server but the first, and what a server cannot say now it may say later."""

from __future__ import annotations

import threading

import pyarrow as pa
import pytest

from affect import record
from dashboard.damaged import Damaged
from dashboard.reading.background import Background
from dashboard.reading.table import Long


def answer(note: str) -> Long:
    """Return a store of one run with a note."""
    text = pa.large_string()
    runs = {
        name: pa.array(["a" * 32], text) for name in ("run", "name", "user", "status", "experiment_id", "experiment")
    }
    times = {name: pa.array([1_000], pa.int64()) for name in ("start", "end")}
    tags = {record.tag("kind"): "study", record.tag("note"): note}
    pairs = {"run": ["a" * 32] * 2, "key": list(tags), "value": list(tags.values())}
    none = {name: pa.array([], text) for name in ("run", "key", "value")}
    return Long(
        pa.table({**runs, **times}),
        pa.table({name: pa.array(values, text) for name, values in pairs.items()}),
        pa.table(none),
        pa.table({**none, "value": pa.array([], pa.float64())}),
    )


class Client:
    """A server whose answers wait for `go`."""

    uri = "http://somewhere"

    def __init__(self) -> None:
        self.go, self.asked, self.due, self.note = threading.Event(), 0, 0, "first"
        self.go.set()

    def probe(self) -> int:
        return self.due

    def long(self) -> Long:
        self.asked += 1
        self.go.wait(10)
        if self.note == "down":
            raise Damaged("http://somewhere: does not answer")
        return answer(self.note)


def test_the_last_answer_stands_while_the_next_is_on_its_way():
    server = Client()
    reader = Background(server)
    assert reader.runs().wide()["note"].tolist() == ["first"]
    before = reader.probe()
    server.go.clear()
    server.due, server.note = 1, "second"
    assert reader.runs().wide()["note"].tolist() == ["first"], "nobody waits"
    assert reader.probe() == before
    assert server.asked == 2
    server.go.set()
    reader.close()
    assert reader.probe() != before
    assert reader.runs().wide()["note"].tolist() == ["second"]
    assert server.asked == 2, "asked once, however many pages look"


def test_a_server_that_goes_away_is_said_and_comes_back():
    server = Client()
    reader = Background(server)
    reader.runs().wide()
    server.due, server.note = 1, "down"
    reader.probe()
    reader.close()
    with pytest.raises(Damaged, match="does not answer"):
        reader.runs().wide()
    server.due, server.note = 2, "back"
    reader.probe()
    reader.close()
    assert reader.runs().wide()["note"].tolist() == ["back"]


def test_a_server_that_never_answered_is_asked_again_by_the_next_page():
    server = Client()
    server.note = "down"
    reader = Background(server)
    for _ in range(2):
        with pytest.raises(Damaged):
            reader.runs().wide()
    server.note = "first"
    assert len(reader.runs().wide()) == 1
