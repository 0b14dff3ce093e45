"""The documents tell the truth: files they name exist, commands they show are understood, the example works."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

ROOT = Path(__file__).resolve().parent.parent
ADDING_A_METHOD = (ROOT / "docs/adding_a_method.md").read_text("utf-8")
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TOP = {path.name for path in ROOT.iterdir()} - {"mlruns", "bench_results", "shares", ".venv"}
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def missing(text: str, document: Path) -> list[str]:
    """Return the links and the paths in code of a document, outside its code blocks, that lead nowhere."""
    prose = BLOCK.sub("", text)
    links = re.findall(r"\]\(([^)#\s]+)\)", prose)
    gone = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    for code in re.findall(r"`([^`\n]+)`", prose):
        named = re.fullmatch(r"([\w.-]+(?:/[\w.-]+)*)/?", code)
        placeholder = not named
        if placeholder or named.group(1).split("/")[0] not in TOP:
            continue
        if not (ROOT / named.group(1)).exists():
            gone.append(code)
    return gone


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_names_only_files_that_exist(document):
    assert missing(document.read_text("utf-8"), document) == []


def test_a_file_that_is_gone_is_noticed():
    text = "See `training/contract.py`, `training/gone.py`, [this](docs/gone.md); not `training/<family>/x.py`.\n"
    assert missing(text, ROOT / "README.md") == ["docs/gone.md", "training/gone.py"]


def test_every_decision_is_listed():
    listed = (ROOT / "docs/decisions/README.md").read_text("utf-8")
    assert all(path.name in listed for path in (ROOT / "docs/decisions").glob("0*.md"))


def test_the_containers_have_the_pinned_versions():
    pinned = [line.split("#")[0].strip() for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines()]
    containers = (ROOT / "compose.yaml").read_text("utf-8")
    for name in ("mlflow==", "psycopg[binary]=="):
        assert f'"{next(line for line in pinned if line.startswith(name))}"' in containers


# ------------------------------------------------------------------------------------------------- commands


def commands() -> list[list[str]]:
    """Return the words of every command in the documents' sh blocks and inline code, without comments."""
    found = []
    for document in DOCUMENTS:
        text = document.read_text("utf-8")
        lines = [line for kind, block in BLOCK.findall(text) if kind == "sh" for line in block.splitlines()]
        inline = [
            code for code in re.findall(r"`(python -m [^`…]+|make [^`…]+)`", BLOCK.sub("", text)) if "[" not in code
        ]
        found += [shlex.split(line, comments=True) for line in lines + inline]
    return [words for words in found if words]


def understood(program: typer.Typer, words: list[str]) -> None:
    """Take a command line apart as it would be, without running it; click's own error where it is not understood."""
    commands = typer.main.get_command(program).commands
    if words:
        commands[words[0]].make_context(words[0], list(words[1:]))


PYTHON_COMMANDS = [words for words in commands() if words[:2] == ["python", "-m"] and words[2] != "mlflow"]


@pytest.mark.parametrize("words", PYTHON_COMMANDS, ids=" ".join)
def test_a_command_in_the_documents_is_understood(words):
    from dashboard.__main__ import app as dashboard
    from training.cli import app as training

    understood({"training": training, "dashboard": dashboard}[words[2]], words[3:])


def test_a_wrong_command_is_noticed():
    from training.cli import app

    assert len(PYTHON_COMMANDS) > 8
    with pytest.raises(Exception, match="No such option"):
        understood(app, ["study", "motion/lma_to_pad", "--dataset", "lma", "--tirals", "3"])


def test_make_knows_the_targets_in_the_documents():
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = {line.split()[1] for line in shown.splitlines() if line.strip().startswith("make ")}
    named = {words[1] for words in commands() if words[0] == "make" and len(words) > 1}
    assert {"demo", "test"} <= named <= targets


# ---------------------------------------------------------------------------------------- the method of the guide


@pytest.fixture(scope="session")
def checkout_with_example(tmp_path_factory) -> Path:
    """Return a copy of the code with the two files that the guide shows, put where their first lines say."""
    copy = tmp_path_factory.mktemp("example") / "affectory"
    for folder in ("affect", "training", "search_spaces", "dashboard", "tests"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    files = [block for kind, block in BLOCK.findall(ADDING_A_METHOD) if kind == "python"]
    assert len(files) == 2, "adding a method is two files"
    for block in files:
        path, _, content = block.removeprefix("# ").partition("\n")
        assert not (copy / path).exists()
        (copy / path).write_text(content, "utf-8")
    return copy


def run(folder: Path, *words: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, capture_output=True, text=True, timeout=240, check=False
    )
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
    return ran.stdout


def test_the_method_of_the_guide_runs_as_a_study(checkout_with_example, tmp_path, monkeypatch):
    monkeypatch.setenv("AFFECTORY_STORE", str(tmp_path / "store"))
    study = ["study", "motion/ridge_to_pad", "--dataset", "synthetic_motion", "--trials", "2", "--repeats", "2"]
    run(checkout_with_example, "training", *study)
    assert "motion/ridge_to_pad" in run(checkout_with_example, "training", "status")


def test_the_method_of_the_guide_keeps_the_contract(checkout_with_example):
    suites = ["tests/test_every_method.py", "tests/test_every_space.py"]
    said = run(checkout_with_example, "pytest", *suites, "-k", "ridge_to_pad", "-q", "-p", "no:xdist")
    assert re.search(r"\b\d{2} passed", said), said


# --------------------------------------------------------------------------------------- the page of adding_a_page


def test_the_page_of_the_guide_is_a_page_like_all_others(tmp_path):
    copy = tmp_path / "affectory"
    for folder in ("affect", "dashboard", "tests", "search_spaces", "training", ".streamlit"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    guide = (ROOT / "docs" / "adding_a_page.md").read_text("utf-8")
    (block,) = [block for kind, block in BLOCK.findall(guide) if kind == "python"]
    path, _, content = block.removeprefix("# ").partition("\n")
    assert not (copy / path).exists()
    assert len(content.splitlines()) <= 75
    (copy / path).write_text(content, "utf-8")
    said = run(copy, "pytest", "tests/test_every_page.py", "-k", "costs", "-q", "-p", "no:xdist")
    assert re.search(r"\b[5-9] passed", said), said
