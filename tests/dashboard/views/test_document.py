from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from dashboard.views import items
from dashboard.views.document import document

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"


def test_what_the_store_says_is_text_never_markup():
    fig = go.Figure(go.Scatter(x=[1], y=[2], name=EVIL))
    shown = [
        items.Section(EVIL, EVIL, fig, pd.DataFrame({EVIL: [EVIL]}), "figure", notes=(EVIL,)),
        items.Message(EVIL),
        items.Badges([(EVIL, "green")]),
        items.Values([items.Value(EVIL, EVIL, EVIL)]),
        items.Code(EVIL, EVIL),
        items.Progress(EVIL, 0.5, EVIL),
    ]
    text = document(EVIL, EVIL, shown, EVIL)
    assert "<script>alert" not in text
    assert "<img" not in text
    assert text.count("</script>") == 2  # Plotly's and the figures' own
    assert "&lt;/script&gt;&lt;script&gt;alert(1)" in text


def test_a_figure_that_shows_images_stays_out():
    fig = go.Figure(go.Scatter(x=[1], y=[2]))
    text = document("t", "", [items.Section("Faces", "", fig, pd.DataFrame({"a": [1]}), "x", private=True)], "")
    assert "not part of this file" in text
    assert "Plotly" not in text


def test_a_document_without_figures_needs_no_plotly():
    text = document("t", "how", [items.Section(frame=pd.DataFrame({"n": [36.0], "share": [0.25]}))], "")
    assert "plotly" not in text
    assert ">36<" in text
    assert "0.2500" in text
