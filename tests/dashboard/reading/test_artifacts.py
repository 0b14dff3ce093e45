"""Files of a server are copied into the cache, never beside it, and are asked for anew when they may have changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dashboard.damaged import Damaged
from dashboard.reading import artifacts

RUN = "0123456789abcdef" * 2


class Client:
    """A server with one file a run."""

    def __init__(self) -> None:
        self.content, self.downloads, self.listings = "one", 0, 0

    def download(self, run_id: str, name: str, target: Path) -> Path:
        self.downloads += 1
        path = target / name
        path.write_text(self.content)
        return path

    def files(self, run_id: str) -> list[str]:
        self.listings += 1
        return ["log.txt"]


@pytest.fixture
def server(tmp_path, monkeypatch) -> artifacts.Server:
    monkeypatch.setenv("AFFECTORY_CACHE", str(tmp_path / "cache"))
    return artifacts.Server("http://somewhere", Client(), lambda run_id: True)


@pytest.mark.parametrize("run_id", ["../../../outside", "a", "A" * 32, "0" * 31 + "/", ""])
def test_an_id_that_is_none_makes_no_path(server, tmp_path, run_id):
    with pytest.raises(Damaged, match="hexadecimal"):
        server.path(run_id, "log.txt")
    assert not list(tmp_path.rglob("log.txt"))


def test_a_file_of_an_ended_run_is_copied_once_and_again_when_it_is_old(server):
    assert server.text(RUN, "log.txt") == "one"
    stamp = server.stamp(RUN, "log.txt")
    server.client.content = "computed anew"
    assert server.text(RUN, "log.txt") == "one"
    assert server.client.downloads == 1
    path = server.path(RUN, "log.txt")
    os.utime(path, (path.stat().st_mtime - artifacts.ENDED_S - 1,) * 2)
    assert server.text(RUN, "log.txt") == "computed anew"
    assert server.stamp(RUN, "log.txt") != stamp


def test_the_same_content_keeps_its_stamp(server):
    stamp = server.stamp(RUN, "log.txt")
    path = server.path(RUN, "log.txt")
    os.utime(path, (path.stat().st_mtime - artifacts.ENDED_S - 1,) * 2)
    assert server.stamp(RUN, "log.txt") == stamp
    assert server.client.downloads == 2


def test_files_are_listed_once_for_a_while(server):
    assert server.files(RUN) == server.files(RUN) == ["log.txt"]
    assert server.client.listings == 1
