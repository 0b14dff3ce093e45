"""The names that commands had before."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from training import cli


@pytest.mark.parametrize(
    ("former", "now"),
    [("export-meshes", "prepare meshes"), ("transfer", "prepare transfer"), ("activations", "evaluate")],
)
def test_a_former_name_is_hidden_and_takes_the_options_of_the_new_one(former, now):
    def options(*words: str) -> set[str]:
        shown = CliRunner().invoke(cli.app, [*words, "--help"], terminal_width=200)
        assert shown.exit_code == 0
        return {word.strip(",│") for word in shown.output.split() if word.startswith("--")}

    assert former not in CliRunner().invoke(cli.app, ["--help"]).output
    assert options(former) == options(*now.split())


def test_a_former_name_says_the_new_one_and_does_the_same(tree, tmp_path, fake_facemesh):
    out = tmp_path / "meshes.npz"
    ran = CliRunner().invoke(cli.app, ["export-meshes", str(tree), str(out)])
    assert ran.exit_code == 0
    assert out.is_file()
    assert "is now called: python -m training prepare meshes" in ran.stderr
