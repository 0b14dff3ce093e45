from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from affect.record import Artifact
from dashboard.results.index import Index
from dashboard.store import Source, Store
from dashboard.views.choice import Choice
from dashboard.views.items import Item, Message

VAE, OTHER = "lma-vae-latent_size-1-lma", "lma-vae-latent_size-2-lma"
READER = "lma-to-pad-synthetic-motion"


@pytest.fixture
def messages() -> list[Item]:
    return []


def choose(folder: Path, names: list[str], messages: list[Item]) -> Choice:
    store = Store(Source(f"sqlite:///{folder / 'mlflow.db'}", folder))
    index = Index(store.runs())
    return Choice(index, store, index.asked(names)[0], messages.append)


def test_a_study_stands_for_its_finals_lowest_seed_first(filled, messages):
    choice = choose(filled, [VAE, f"{OTHER} · seed 2"], messages)
    assert [row.name for row in choice.rows] == [VAE, f"{OTHER} · seed 2"]
    assert [final.seed for final in choice.rows[0].finals] == [1, 2]
    assert [final.seed for final in choice.rows[1].finals] == [2]
    assert {name: record.seed for name, record in choice.first(Artifact.PREDICTIONS).items()} == {
        VAE: 1,
        f"{OTHER} · seed 2": 2,
    }


def test_a_damaged_table_is_named_and_the_others_are_there(own, messages):
    choice = choose(own, [VAE, OTHER], messages)
    damaged = choice.rows[0].finals[0].run_id
    next(own.rglob(f"{damaged}/artifacts/{Artifact.FEATURE_ERRORS}")).write_bytes(b"no table")
    assert list(choice.tables(Artifact.FEATURE_ERRORS)) == [OTHER]
    assert {name: len(of) for name, of in choice.all_tables(Artifact.FEATURE_ERRORS).items()} == {VAE: 1, OTHER: 2}
    assert all(isinstance(message, Message) and message.level == "error" for message in messages)
    assert VAE in messages[0].text
    assert Artifact.FEATURE_ERRORS in messages[0].text


def test_a_run_whose_table_is_not_as_expected_is_named_and_left_out(filled, messages):
    choice = choose(filled, [VAE, OTHER], messages)

    def make(name: str, table: pd.DataFrame) -> float:
        return float(table["no such column"].sum()) if name == VAE else 1.0

    assert choice.map(choice.tables(Artifact.PREDICTIONS), make) == {OTHER: 1.0}
    assert len(messages) == 1
    assert VAE in messages[0].text
    assert "no such column" in messages[0].text


def test_a_file_that_is_repaired_counts_at_once(own, messages):
    choice = choose(own, [VAE], messages)
    file = next(own.rglob(f"{choice.rows[0].finals[0].run_id}/artifacts/{Artifact.PREDICTIONS}"))
    whole = file.read_bytes()
    file.write_bytes(b"no table")
    assert not choice.tables(Artifact.PREDICTIONS)
    file.write_bytes(whole)
    assert list(choice.tables(Artifact.PREDICTIONS)) == [VAE]
