"""Draw the dashboard's pages as pictures for the documentation.

Usage: python -m tests.screenshots [--store FOLDER | --url ADDRESS] [--out docs/screenshots]

Pictures of a store with real data are not for the repository: such a store is refused unless `--real` is given.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import nullcontext
from pathlib import Path

from tests.browsing import ROOT, serving, settled
from tests.conftest import BROWSER_ARGUMENTS, find_chromium

WIDE, NARROW = (1440, 900), (390, 844)
PICTURES = (
    ("overview", "/", WIDE, "light"),
    ("leaderboard", "/leaderboard", WIDE, "light"),
    ("leaderboard-dark", "/leaderboard", WIDE, "dark"),
    ("leaderboard-table", "/leaderboard?layout=as+table", WIDE, "light"),
    ("study", "/study?runs=demo+motion%2Flma_to_pad", WIDE, "light"),
    (
        "compare",
        "/compare?runs=demo+motion%2Fpad_to_lma&runs=demo+motion%2Fpad_to_latent&compared=Scores",
        WIDE,
        "light",
    ),
    ("run", "/run?run={run}", WIDE, "light"),
    ("run-narrow", "/run?run={run}", NARROW, "light"),
    ("errors", "/errors?runs=demo+motion%2Flma_vae", WIDE, "light"),
    (
        "latent",
        "/latent?spaces=demo+faces%2Fface_vae&spaces=demo+faces%2Fface_vae_continuous&code=z_v&projection=t-SNE&colour=valence",
        WIDE,
        "light",
    ),
    (
        "circumplex",
        "/circumplex?fits=demo+faces%2Fface_vae&fits=demo+faces%2Fface_vae_continuous",
        WIDE,
        "light",
    ),
    (
        "activations",
        "/activations?models=demo+meshes%2Fdgcnn&models=demo+meshes%2Fgraph_sage&models=demo+meshes%2Ffeast"
        "&models=demo+meshes%2Flinear&map=Integrated+gradients+of+the+class",
        WIDE,
        "light",
    ),
)
MAX_HEIGHT = 1800


def draw(base: str, run: str, out: Path, chromium: str) -> list[Path]:
    """Write one picture a page into `out` and return their paths."""
    from playwright.sync_api import sync_playwright

    out.mkdir(parents=True, exist_ok=True)
    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(BROWSER_ARGUMENTS))
        for name, path, (width, height), scheme in PICTURES:
            context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
            page = context.new_page()
            settled(page, base + path.format(run=run))
            page.wait_for_timeout(1500)  # figures are drawn after their page
            whole = page.evaluate("document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight")
            page.set_viewport_size({"width": width, "height": max(height, min(int(whole), MAX_HEIGHT))})
            page.wait_for_timeout(700)
            found.append(out / f"{name}.png")
            page.screenshot(path=str(found[-1]))
            context.close()
        browser.close()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="Draw the dashboard's pages as pictures.")
    parser.add_argument("--store", type=Path, default=Path(os.environ.get("AFFECTORY_STORE") or ROOT / "mlruns"))
    parser.add_argument("--url", help="a dashboard that is already served from that store")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "screenshots")
    parser.add_argument("--real", action="store_true", help="allow pictures of real data")
    given = parser.parse_args()

    from dashboard.store import Source, Store

    folder = given.store.resolve()
    runs = Store(Source(f"sqlite:///{folder / 'mlflow.db'}", folder)).runs().wide()
    studies = runs[(runs["kind"] == "study") & (runs["state"] == "complete")]
    chromium = find_chromium()
    if chromium is None:
        print("No Chromium found (apt-get install chromium, or BROWSER_PATH=FILE).", file=sys.stderr)
        return 2
    if studies.empty:
        print(f"No finished study in {folder}: python -m training demo makes some.", file=sys.stderr)
        return 2
    if not given.real and not runs["synthetic"].all():
        print(f"{folder} holds runs on real data; --real draws them all the same.", file=sys.stderr)
        return 2
    run = str(studies.sort_values("end").index[-1])
    with nullcontext(given.url.rstrip("/")) if given.url else serving(folder) as base:
        for path in draw(base, run, given.out, chromium):
            print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
