from __future__ import annotations

from streamlit.testing.v1 import AppTest


def chooser(options: list[str], fixed: bool = False, names: dict[str, str] | None = None) -> AppTest:
    def page(options: list[str], fixed: bool, names: dict[str, str]) -> None:
        import streamlit as st

        from dashboard.views.asked import Widgets

        st.text(f"chosen {Widgets().one('Thing', options, 'thing', fixed=fixed, name=lambda o: names.get(o, o))}")

    return AppTest.from_function(page, args=(options, fixed, names or {}))


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


def test_an_address_of_an_earlier_version_is_understood():
    for word in ("all", "MEAN OVER ALL"):
        app = chooser(["all", "one"], names={"all": "mean over all"})
        app.query_params["thing"] = word
        app.run()
        assert text(app) == "chosen all"
        assert not app.warning
        assert app.query_params["thing"] in ("mean over all", ["mean over all"])


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


def several() -> AppTest:
    def page() -> None:
        import streamlit as st

        from dashboard.views.asked import Widgets

        ask = Widgets()
        st.text(f"view {ask.view(['Ranking', 'As a table'], 'layout', {'as table': 'As a table'})}")
        st.text(f"many {ask.many('Methods', ['one', 'two'], 'method')}")
        st.text(f"switch {ask.switch('archived', 'archived')}")

    return AppTest.from_function(page)


def said(app: AppTest) -> list[str]:
    return [str(element.value) for element in app.text]


def test_every_kind_of_choice_that_an_address_asks_for_in_vain_is_said():
    for key in ("layout", "method", "archived"):
        app = several()
        app.query_params[key] = "nonsense"
        app.run()
        assert any("nonsense" in warning.value for warning in app.warning), key
        assert said(app) == ["view Ranking", "many []", "switch False"]


def test_a_view_is_found_by_the_name_that_it_had():
    for word in ("as table", "as a table"):
        app = several()
        app.query_params["layout"] = word
        app.run()
        assert said(app)[0] == "view As a table"
        assert not app.warning


def test_a_range_and_words_are_asked_for():
    def page() -> None:
        import streamlit as st

        from dashboard.views.asked import Widgets

        ask = Widgets()
        st.text(f"{ask.range('Years', 0.0, 10.0, 'years')} {ask.text('Find', 'find')} {ask.word('area')}")

    app = AppTest.from_function(page)
    app.query_params["find"] = "person"
    app.query_params["area"] = "here"
    assert str(app.run().text[0].value) == "(0.0, 10.0) person here"
