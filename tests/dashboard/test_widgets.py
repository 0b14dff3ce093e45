from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import widgets


@pytest.mark.parametrize("character", list("\\`*_{}[]()<>#+-.!|~$&"))
def test_what_markdown_reads_is_escaped(character):
    assert widgets.escape(f"a{character}b") == f"a\\{character}b"


def test_what_is_looked_for_after_parsing_is_broken_up():
    for text in (":material/home:", ":smile:", "https://evil.example", "www.evil.example", "me@evil.example"):
        assert "\u2060" in widgets.escape(text)
    assert widgets.escape("two\nlines  here") == "two lines here"


def test_our_scripts_survive_the_cleaning_of_html():
    """DOMPurify drops a script in whose text a < stands before a letter, a slash or an exclamation mark."""
    import re

    assert not re.search(r"<[/\w!]", widgets._scripts())


def long_table(page: str | None = None) -> AppTest:
    def body() -> None:
        import pandas as pd

        from dashboard import widgets
        from dashboard.views.items import Link

        opens = [Link(f"Open {row}", "run", {"runs": str(row)}) for row in range(120)]
        widgets.table(pd.DataFrame({"row": range(120)}), "long", opens=opens)

    app = AppTest.from_function(body)
    if page is not None:
        app.query_params["long_page"] = page
    return app.run()


def test_of_a_long_table_whose_rows_open_pages_the_browser_is_sent_one_page():
    assert long_table().dataframe[0].value["row"].tolist() == list(range(50))
    assert long_table("3").dataframe[0].value["row"].tolist() == list(range(100, 120))


def test_a_column_of_numbers_and_words_is_shown_as_words():
    import pandas as pd

    frame = pd.DataFrame({"setting": [1, "none", None], "score": [0.5, 0.25, 0.125]})
    shown = widgets._one_type(frame)
    assert shown["setting"].tolist()[:2] == ["1", "none"]
    assert shown["score"].tolist() == [0.5, 0.25, 0.125]
