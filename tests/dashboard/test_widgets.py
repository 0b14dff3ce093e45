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


def chooser(options: list[str], fixed: bool = False) -> AppTest:
    def page(options: list[str], fixed: bool) -> None:
        import streamlit as st

        from dashboard import widgets

        st.text(f"chosen {widgets.choose('Thing', options, 'thing', fixed=fixed)}")

    return AppTest.from_function(page, args=(options, fixed))


def text(app: AppTest) -> str:
    return str(app.text[0].value)


def test_a_choice_is_resolved_once_and_written_into_the_address():
    app = chooser(["new", "old"]).run()
    assert text(app) == "chosen new"
    assert app.query_params["thing"] in ("new", ["new"])


def test_an_address_keeps_its_meaning_when_an_option_comes_before_it():
    app = chooser(["newer", "new", "old"])
    app.query_params["thing"] = "new"
    assert text(app.run()) == "chosen new"
    assert not app.warning


def test_an_address_that_asks_for_what_is_not_there_says_so():
    app = chooser(["new", "old"])
    app.query_params["thing"] = "gone"
    app.run()
    assert text(app) == "chosen new"
    assert "gone" in app.warning[0].value
    assert app.query_params["thing"] in ("new", ["new"])


def test_another_choice_changes_the_address():
    app = chooser(["new", "old"]).run()
    app.selectbox[0].set_value("old").run()
    assert text(app) == "chosen old"


def test_what_is_fixed_needs_no_word_in_the_address_but_one_that_is_there_counts():
    app = chooser(["first", "second"], fixed=True).run()
    assert text(app) == "chosen first"
    assert "thing" not in app.query_params
    asking = chooser(["first", "second"], fixed=True)
    asking.query_params["thing"] = "second"
    assert text(asking.run()) == "chosen second"
    wrong = chooser(["first", "second"], fixed=True)
    wrong.query_params["thing"] = "third"
    assert text(wrong.run()) == "chosen first"
    assert "third" in wrong.warning[0].value


def test_without_options_there_is_no_choice():
    assert text(chooser([]).run()) == "chosen None"


def test_of_a_long_clickable_table_the_browser_is_sent_one_page():
    def page() -> None:
        import pandas as pd

        from dashboard import widgets

        widgets.table(pd.DataFrame({"row": range(120)}), "long", clickable=True)

    app = AppTest.from_function(page)
    assert app.run().dataframe[0].value["row"].tolist() == list(range(50))
    third = AppTest.from_function(page)
    third.query_params["long_page"] = "3"
    assert third.run().dataframe[0].value["row"].tolist() == list(range(100, 120))
