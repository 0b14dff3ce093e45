"""The tree's rules as tests: who imports whom, what lies where, what must never be written.

The files are read as syntax trees, nothing is imported, so a rule is checked however broken the code beside it is.
Each rule is a function from a module to its offences, and is shown a snippet that breaks it before it is trusted.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("affect", "training", "search_spaces", "dashboard")
MAX_LINES = 400
# Tracking and what it is made of: its backends, and the embedded store.
HEAVY = [
    "torch",
    "xgboost",
    "sklearn",
    "scipy",
    "pandas",
    "pyarrow",
    "mlflow",
    "optuna",
    "plotly",
    "streamlit",
    "umap",
    "openTSNE",
    "matplotlib",
    "skops",
]


@dataclass(frozen=True)
class Module:
    path: str  # relative to the checkout, with slashes
    source: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source, self.path)


def modules(*folders: str) -> list[Module]:
    files = sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))
    return [Module(file.relative_to(ROOT).as_posix(), file.read_text("utf-8")) for file in files]


CODE = modules(*PACKAGES)
EVERYTHING = CODE + modules("tests")


def imported(nodes: Iterator[ast.AST] | list[ast.stmt]) -> Iterator[tuple[int, str]]:
    """Yield line and full dotted name of every import among the nodes, also those made by `import_module("…")`."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import; write it from the root"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = ast.unparse(node.func).rpartition(".")[2]
            if called in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                yield node.lineno, node.args[0].value


def imports(module: Module, *names: str) -> list[str]:
    """Return the module's imports, at any depth, of the packages or modules named."""
    return [
        f"{module.path}:{line} imports {name}"
        for line, name in imported(ast.walk(module.tree))
        if any(name == wanted or name.startswith(wanted + ".") for wanted in names)
    ]


def at_start(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run when a module is imported, but for what only the type checker sees."""
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from at_start(node.orelse)
        elif isinstance(node, ast.If | ast.Try | ast.With | ast.ClassDef):
            for inner in ("body", "orelse", "finalbody"):
                yield from at_start(getattr(node, inner, []))
        else:
            yield node


def strings(module: Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


# ------------------------------------------------------------------------------------------------ the rules


def affect_imports_nothing_of_the_project(module: Module) -> list[str]:
    if not module.path.startswith("affect/"):
        return []
    return imports(module, "training", "search_spaces", "dashboard", "tests")


def affect_imports_what_is_heavy_inside_functions(module: Module) -> list[str]:
    if not module.path.startswith("affect/"):
        return []
    return [
        f"{module.path}:{line} imports {name} at the top"
        for line, name in imported(at_start(module.tree.body))
        if name.split(".")[0] in HEAVY
    ]


def training_knows_nothing_of_the_dashboard(module: Module) -> list[str]:
    if not module.path.startswith(("training/", "search_spaces/")):
        return []
    return imports(module, "dashboard", "streamlit", "tests")


def dashboard_knows_nothing_of_training(module: Module) -> list[str]:
    if not module.path.startswith("dashboard/"):
        return []
    return imports(module, "training", "search_spaces", "torch", "xgboost", "tests")


def figures_and_store_know_nothing_of_streamlit(module: Module) -> list[str]:
    if not module.path.startswith(
        ("dashboard/figures/", "dashboard/results/", "dashboard/store.py", "dashboard/reading/", "dashboard/share.py")
    ):
        return []
    return imports(module, "streamlit", "dashboard.pages_", "dashboard.widgets", "dashboard.cached", "dashboard.app")


def pages_read_through_the_cache(module: Module) -> list[str]:
    if not module.path.startswith("dashboard/pages_/"):
        return []
    # the exception a page shows may be named by it; the store itself is opened in cached.py alone
    found = imports(module, "dashboard.store", "mlflow")
    return [offence for offence in found if not offence.endswith("dashboard.store.Damaged")]


def methods_leave_logging_and_searching_to_the_bench(module: Module) -> list[str]:
    if not module.path.startswith(("training/methods/", "training/networks/", "training/evaluation/")):
        return []
    return imports(module, "mlflow", "optuna", "training.tracking", "training.study", "training.splits")


def spaces_take_nothing_but_a_trial(module: Module) -> list[str]:
    if not module.path.startswith("search_spaces/"):
        return []
    return [
        f"{module.path}:{line} imports {name}"
        for line, name in imported(at_start(module.tree.body))
        if name.split(".")[0] in HEAVY
    ]


def only_tracking_writes_mlflow(module: Module) -> list[str]:
    if not module.path.startswith("training/") or module.path.startswith("training/tracking/"):
        return []
    return imports(module, "mlflow")


def only_the_stores_reader_knows_mlflow(module: Module) -> list[str]:
    if not module.path.startswith("dashboard/") or module.path.startswith(("dashboard/store.py", "dashboard/reading/")):
        return []
    return imports(module, "mlflow")


def mlflows_active_run_is_never_used(module: Module) -> list[str]:
    if module.path.startswith("tests/"):
        return []  # a benchmark's peer works the usual way
    return [
        f"{module.path}:{node.lineno} calls {ast.unparse(node.func)}"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and re.fullmatch(r"mlflow\.(start_run|end_run|active_run|log_\w+|set_tags?|autolog)", ast.unparse(node.func))
    ]


def errors_are_caught_by_name(module: Module) -> list[str]:
    return [
        f"{module.path}:{node.lineno} has a bare except"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler) and node.type is None
    ]


def nothing_is_unpickled(module: Module) -> list[str]:
    found = []
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        unsafe = [
            keyword.arg
            for keyword in node.keywords
            if (keyword.arg, ast.unparse(keyword.value)) in (("weights_only", "False"), ("allow_pickle", "True"))
        ]
        if called == "torch.load" and not any(keyword.arg == "weights_only" for keyword in node.keywords):
            unsafe.append("no weights_only=True")
        if re.search(r"(?:^|\.)(?:c?pickle|dill|joblib|cloudpickle)\.(?:loads?|Unpickler)$|read_pickle$", called):
            unsafe.append("a pickle")
        found += [f"{module.path}:{node.lineno} {called}: {reason}" for reason in unsafe]
    return found


def html_from_the_store_is_never_rendered(module: Module) -> list[str]:
    if not module.path.startswith("dashboard/"):
        return []
    return [
        f"{module.path}:{node.lineno} allows HTML"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and any(k.arg == "unsafe_allow_html" and ast.unparse(k.value) != "False" for k in node.keywords)
    ]


def pages_never_name_a_method(module: Module) -> list[str]:
    if not module.path.startswith(("dashboard/pages_/", "dashboard/app.py", "dashboard/widgets")):
        return []
    named = "|".join(re.escape(Path(path).name) for path in method_paths("training/methods")) or "lma_vae"
    return [
        f"{module.path}:{line} names the method {match.group()}"
        for line, text in strings(module)
        # a command to copy may name one as its example: nothing on the page depends on it
        if not text.startswith("python -m training ") and (match := re.search(rf"\b(?:{named})\b", text))
    ]


def modules_stay_short(module: Module) -> list[str]:
    if module.path.startswith("tests/"):
        return []
    lines = len(module.source.splitlines())
    return [f"{module.path} has {lines} lines, more than {MAX_LINES}"] if lines > MAX_LINES else []


def packages_are_empty(module: Module) -> list[str]:
    return [f"{module.path} is not empty"] if module.path.endswith("__init__.py") and module.source else []


def no_module_is_a_drawer(module: Module) -> list[str]:
    stem = Path(module.path).stem
    return [f"{module.path}: name what it does"] if stem in ("util", "utils", "helper", "helpers", "common") else []


def test_files_mirror_the_tree(module: Module) -> list[str]:
    """Find tests/<folder>/test_….py whose name holds that of no module below <folder>.

    Tests of the whole lie in tests/. Other words in the name say what kind of test it is: test_browser_errors.py.
    """
    parts = Path(module.path).parts
    if parts[0] != "tests" or len(parts) < 3 or not parts[-1].startswith("test_"):
        return []
    folder = ROOT.joinpath(*parts[1:-1]) if parts[1] in PACKAGES else ROOT.joinpath(*parts[:-1])
    words = Path(parts[-1]).stem.removeprefix("test_").split("_")
    runs = {"_".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1)}
    known = {file.stem.strip("_") for file in folder.rglob("*.py") if not file.stem.startswith("test_")}
    return [] if known & runs else [f"{module.path} tests no module of {folder.relative_to(ROOT)}/"]


test_files_mirror_the_tree.__test__ = False  # a rule, not a test

# Each rule with a module that breaks it.
RULES = {
    affect_imports_nothing_of_the_project: Module("affect/x.py", "def f():\n    from training import contract"),
    affect_imports_what_is_heavy_inside_functions: Module("affect/x.py", "try:\n    import scipy.stats\nfinally: ..."),
    training_knows_nothing_of_the_dashboard: Module("training/x.py", "import streamlit as st"),
    dashboard_knows_nothing_of_training: Module(
        "dashboard/x.py", "import importlib\nimportlib.import_module('training.cli')"
    ),
    figures_and_store_know_nothing_of_streamlit: Module("dashboard/figures/x.py", "from streamlit import cache_data"),
    pages_read_through_the_cache: Module("dashboard/pages_/x.py", "from dashboard import store"),
    methods_leave_logging_and_searching_to_the_bench: Module("training/methods/motion/x.py", "import optuna"),
    spaces_take_nothing_but_a_trial: Module("search_spaces/motion/x.py", "import optuna"),
    only_tracking_writes_mlflow: Module("training/study/study.py", "from mlflow import MlflowClient"),
    only_the_stores_reader_knows_mlflow: Module("dashboard/cached.py", "import mlflow"),
    mlflows_active_run_is_never_used: Module("training/tracking/store.py", "import mlflow\nmlflow.log_metrics({})"),
    errors_are_caught_by_name: Module("training/x.py", "try: ...\nexcept: ..."),
    nothing_is_unpickled: Module("training/x.py", "import torch\ntorch.load(f)"),
    html_from_the_store_is_never_rendered: Module("dashboard/x.py", "st.markdown(note, unsafe_allow_html=True)"),
    pages_never_name_a_method: Module("dashboard/pages_/x.py", "if method == 'motion/lma_vae': ..."),
    modules_stay_short: Module("training/x.py", "\n" * 401),
    packages_are_empty: Module("affect/__init__.py", "from affect import metrics"),
    no_module_is_a_drawer: Module("training/utils.py", ""),
    test_files_mirror_the_tree: Module("tests/affect/test_nothing_of_the_kind.py", ""),
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps_the_rule(rule):
    offences = [offence for module in EVERYTHING for offence in rule(module)]
    assert not offences, "\n".join(offences)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_rule_sees_an_offence(rule):
    assert rule(RULES[rule])


def test_types_alone_are_no_heavy_import():
    module = Module("affect/x.py", "if TYPE_CHECKING:\n    import pandas\ndef f():\n    import scipy")
    assert not affect_imports_what_is_heavy_inside_functions(module)


def test_the_rules_read_the_whole_tree():
    assert {"training/contract.py", "affect/record.py", "tests/conftest.py"} <= {m.path for m in EVERYTHING}


# ------------------------------------------------------------------------------- methods and their spaces


def method_paths(folder: str) -> set[str]:
    """Return family/method of each file two levels below `folder`."""
    files = (ROOT / folder).glob("*/*.py")
    return {f"{file.parent.name}/{file.stem}" for file in files if not file.stem.startswith("_")}


def test_every_method_has_a_space_at_the_same_path():
    assert method_paths("training/methods") == method_paths("search_spaces")


@pytest.mark.parametrize("path", sorted(method_paths("training/methods")))
def test_a_method_file_holds_what_the_contract_says(path):
    def names(file: Path) -> set[str]:
        found = set()
        for node in ast.parse(file.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found.add(node.name)
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                found |= {ast.unparse(t) for t in (node.targets if isinstance(node, ast.Assign) else [node.target])}
            elif isinstance(node, ast.ImportFrom):
                found |= {alias.asname or alias.name for alias in node.names}
        return found

    assert names(ROOT / f"training/methods/{path}.py") >= {"METHOD", "fit", "load"}
    assert names(ROOT / f"search_spaces/{path}.py") >= {"DEFAULTS", "TINY", "suggest"}


# ------------------------------------------------------------------------------------------ the command line


@pytest.mark.skipif(not (ROOT / "training/__main__.py").exists(), reason="the command line is not written yet")
@pytest.mark.parametrize("command", ["--help", "methods"])
def test_the_command_line_starts_light(command, tmp_path):
    """performance.md: help within 0.4 s, the list of methods within 0.5 s; what would break that is an import."""
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "training", command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    packages = {line.rpartition("|")[2].strip().split(".")[0] for line in ran.stderr.splitlines() if "|" in line}
    assert "typer" in packages
    assert not packages & {*HEAVY}
