from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from dashboard.views import items
from dashboard.views.document import Chapter, document, hashes, sizes

PNG = b"\x89PNG\r\n\x1a\n and more"
EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"


def alone(*shown: items.Item) -> list[Chapter]:
    return [Chapter("", "", shown)]


def plot() -> items.Section:
    return items.Section("Faces", "", go.Figure(go.Scatter(x=[1], y=[2])), pd.DataFrame({"a": [1]}), "x", private=True)


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
    text = document(EVIL, EVIL, [Chapter(EVIL, EVIL, shown), Chapter(EVIL, EVIL, [])], EVIL)
    assert "<script>alert" not in text
    assert "<img" not in text
    assert text.count("</script>") == 3  # the figure, Plotly, and what draws the figure
    assert "&lt;/script&gt;&lt;script&gt;alert(1)" in text


def test_images_stay_out_unless_they_are_asked_for():
    shown = alone(plot(), items.Images([(PNG, "s1, real")]))
    text = document("t", "", shown, "")
    assert text.count("not part of this file") == 2
    assert "figure-1" not in text
    assert "data:image/png" not in text
    asked = document("t", "", shown, "", images=True)
    assert "not part of this file" not in asked
    assert asked.count("figure-1") == 2
    assert "data:image/png;base64,iVBORw0KGgo" in asked


def test_a_document_without_figures_needs_no_plotly():
    text = document("t", "how", alone(items.Section(frame=pd.DataFrame({"n": [36.0], "share": [0.25]}))), "")
    assert "plotly" not in text
    assert ">36<" in text
    assert "0.2500" in text


def test_a_table_has_its_latex_beside_it_unless_nobody_would_print_it():
    one = pd.DataFrame({"a_b": [0.25]})
    text = document("t", "", alone(items.Section(frame=one)), "")
    assert r"a\_b" in text
    assert r"\toprule" in text
    own = document("t", "", alone(items.Section(frame=one, latex=lambda: "of its <own>")), "")
    assert "of its &lt;own&gt;" in own
    assert "LaTeX" not in document("t", "", alone(items.Section(frame=pd.DataFrame({"a": range(101)}))), "")


def test_chapters_have_contents_and_sizes():
    text = document(
        "t", "", [Chapter("A & B", "Read it. Click a row.", [items.Message("x" * 50)]), Chapter("C", "", [])], ""
    )
    assert '<a href="#chapter-1">A &amp; B</a>' in text
    assert '<section class="chapter" id="chapter-1">' in text
    assert "Read it.</p>" in text
    assert "Click" not in text  # a file has no rows that open
    assert list(sizes(text)) == ["A & B", "C"]
    assert sizes(text)["A & B"] > sizes(text)["C"] + 50


def test_a_changed_document_has_another_hash_than_it_names():
    text = document("t", "how", alone(items.Message("score 0.35")), "")
    named, own = hashes(text)
    assert named == own
    named, own = hashes(text.replace("0.35", "0.25"))
    assert named != own
    named, own = hashes(text + " ")
    assert named != own
    assert hashes("<html>another file</html>") is None
    # what the store says cannot pass for the hash
    forged = document("t", "", alone(items.Message(f'<code class="sha256">{"0" * 64}</code>')), "")
    named, own = hashes(forged)
    assert named == own
