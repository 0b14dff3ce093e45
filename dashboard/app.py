"""The router: navigation, and the choice of runs that all pages share. ``python -m dashboard`` serves it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import streamlit as st

from dashboard import cached, signing_in, widgets
from dashboard.damaged import Damaged
from dashboard.parts import runs
from dashboard.views import runner, view

HERE = Path(__file__).resolve().parent

st.set_page_config(page_title="Affectory", page_icon=str(HERE / "assets/mark.svg"), layout="wide")
st.logo(str(HERE / "assets/wordmark.svg"), icon_image=str(HERE / "assets/mark.svg"), size="large")

pages = {name: view.load(name) for name in view.names()}
groups: dict[str, list[st.Page]] = {}
for name, page in sorted(pages.items(), key=lambda pair: pair[1].place):
    file = HERE / "pages_" / f"{name}.py"
    groups.setdefault(page.group, []).append(st.Page(file, title=page.title, url_path=name, default=name == view.FIRST))
inside = signing_in.passed()
# a stranger's address is kept, so its page has to exist, but no list of pages is shown
current = st.navigation(groups, position="sidebar" if inside else "hidden")
name = current.url_path or view.FIRST

widgets.style()
if not inside:
    signing_in.ask()
    st.stop()
signing_in.say_who()
with runner.guard("The choice of runs"), suppress(Damaged):  # the page says why a store cannot be read
    if pages[name].looks_at == "runs":
        runs.choose(name, pages[name], cached.index())
current.run()
