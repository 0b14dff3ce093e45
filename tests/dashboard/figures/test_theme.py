from __future__ import annotations

import itertools
import socket

import numpy as np
import plotly.graph_objects as go
import pytest

from dashboard.figures import theme

# Machado, Oliveira and Fernandes (2009): what is left of linear RGB for people who lack one kind of cone
BLINDNESS = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour: str) -> np.ndarray:
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    x = TO_XYZ @ np.clip(rgb, 0, 1) / np.array([0.9505, 1, 1.089])
    f = np.where(x > 0.008856, np.cbrt(x), 7.787 * x + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("blindness", [None, *BLINDNESS])
def test_any_two_of_the_first_colours_can_be_told_apart(blindness):
    seen = [np.array(BLINDNESS[blindness]) @ linear(c) if blindness else linear(c) for c in theme.PALETTE[:6]]
    apart = [np.linalg.norm(lab(a) - lab(b)) for a, b in itertools.combinations(seen, 2)]
    assert min(apart) > 10  # 2.3 is just noticeable


@pytest.mark.parametrize("page", ["#FFFFFF", "#12161C"])
def test_every_colour_stands_out_on_a_light_and_on_a_dark_page(page):
    def luminance(colour: str) -> float:
        return float(TO_XYZ[1] @ linear(colour))

    for colour in (*theme.PALETTE, theme.NEUTRAL, *theme.EMOTION.values()):
        light, dark = sorted([luminance(colour), luminance(page)], reverse=True)
        assert (light + 0.05) / (dark + 0.05) > 2.2, colour


def test_thirty_methods_have_thirty_colours_and_many_more_differ_by_their_symbol():
    looks = theme.looks([f"m{i}" for i in range(70)])
    first = list(looks.values())[:30]
    assert len({look.colour for look in first}) == 30
    assert len({(look.colour, look.symbol) for look in looks.values()}) == 70


def test_a_method_keeps_its_colour_whatever_else_a_page_shows():
    known = ["motion/a", "meshes/feast", "meshes/linear"]
    alone = theme.of_methods(known, {"one": "meshes/linear"})
    beside = theme.of_methods(known, {"x": "motion/a", "y": "meshes/linear", "z": "meshes/linear"})
    assert alone["one"].colour == beside["y"].colour == beside["z"].colour != beside["x"].colour
    assert beside["y"].symbol != beside["z"].symbol
    assert beside["y"].dash != beside["z"].dash
    later = theme.of_methods([*known, "faces/new"], {"one": "meshes/linear"})
    assert later == alone, "a method that comes later changes no colour"


def test_a_classs_colour_goes_by_its_name():
    assert theme.colour("happy") == theme.colour("Happiness")
    emotions = ("sad", "miserable", "happy", "excited", "neutral", "tired", "bored", "relaxed", "pleased", "surprise")
    assert len({theme.colour(name) for name in emotions}) == len(emotions)


@pytest.mark.parametrize(
    ("values", "worse", "ends"),
    [
        ([0.3, 0.4, 0.5, 1e20], "high", (0.3, 0.5)),
        ([0.3, 0.4, 0.5, -1e20], "low", (0.3, 0.5)),
        ([0.3, 0.4, 0.5, -1e20], "high", (-1e20, 0.5)),
        ([0.3, 0.4, np.inf, np.nan], "high", (0.3, 0.4)),
        ([1, 1, 1, 1.1, 1e20], "", (1, 1.1)),
        ([1, 2, 3, 4, 5], "", (1, 5)),
        ([2, 2], "", (2, 2)),
        ([np.nan], "", None),
    ],
)
def test_an_axis_shows_the_bulk_of_the_values(values, worse, ends):
    assert theme.bulk(values, worse) == ends


def test_a_heat_map_of_classes_that_are_digits_has_their_names_on_its_axes():
    fig = theme.heat([[1, 2], [3, 4]], ["0", "10"], ["0", "<b>10"], "%{z}", ends=(0, 4))
    assert fig.layout.xaxis.type == fig.layout.yaxis.type == "category"
    assert fig.data[0].y == ("0", "&lt;b&gt;10")


def test_names_are_written_letter_by_letter():
    assert theme.plain("<b>x</b> & y") == "&lt;b&gt;x&lt;/b&gt; &amp; y"
    assert "%{" not in theme.plain("%{customdata}")


@pytest.mark.browser
def test_exporting_does_not_change_the_figure_and_draws_its_texts(chromium):
    fig = theme.finish(go.Figure(go.Scatter(x=[1, 2], y=[3, 4])), x="seconds (s)")
    before = fig.to_json()
    svg = theme.export(fig, "svg").decode()
    assert svg.lstrip().startswith("<svg")
    assert "seconds (s)" in svg
    assert theme.export(fig, "pdf").startswith(b"%PDF")
    assert fig.to_json() == before


@pytest.mark.browser
def test_exporting_asks_no_other_host(chromium, monkeypatch):
    """Kaleido loads MathJax from a public host, which holds up a machine without a network."""
    with socket.create_server(("127.0.0.1", 0)) as host:
        address = f"http://127.0.0.1:{host.getsockname()[1]}/tex-svg.js"
        monkeypatch.setattr("kaleido._page_generator.DEFAULT_MATHJAX", address)
        fig = theme.finish(go.Figure(go.Scatter(x=[1, 2], y=[3, 4])), x="$5 or $6")
        assert "$5 or $6" in theme.export(fig, "svg").decode()
        host.settimeout(0.5)
        with pytest.raises(TimeoutError):
            host.accept()


def test_without_a_chromium_it_is_said_and_not_tried(monkeypatch):
    from choreographer.browsers import chromium

    monkeypatch.setattr(chromium.Chromium, "find_browser", classmethod(lambda *_, **__: None))
    assert "Chromium" in (theme.export_impossible() or "")
    with pytest.raises(RuntimeError, match="Chromium"):
        theme.export(go.Figure(), "svg")
