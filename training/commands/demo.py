"""``demo``: small studies on synthetic data."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from training.commands._console import console

if TYPE_CHECKING:
    from training.study.plan import Plan


LEFT_OUT = (
    *("frames/vgg16", "frames/resnet50", "frames/ssgan", "frames/capsule_gan"),
    *("fusion/svr", "fusion/decision_tree", "fusion/feed_forward"),
    *("fusion/fusion_self_attention", "fusion/fusion_cross_then_self", "fusion/transformer_lstm"),
)
"""Methods that the demo does not run: it is to take a few minutes, and each of them has a sibling in it."""


def demo(
    serve: Annotated[bool, typer.Option(help="Serve the dashboard at the end.")] = True,
) -> None:
    """Run a small study of nearly every method on synthetic data, then serve the dashboard."""
    from training.commands import _studies

    shown = console()
    _studies.run(_plans(), shown)
    left_out = f"left out, to be quick: {', '.join(LEFT_OUT)}; `python -m training study METHOD` runs each"
    shown.print(left_out, markup=False, soft_wrap=True)
    if serve:
        # the dashboard takes this process's place: training never imports it
        os.execv(sys.executable, [sys.executable, "-m", "dashboard"])


def _plans() -> list[Plan]:
    """Return a plan for each method but `LEFT_OUT`, on the synthetic data of its kind, as small as its TINY says."""
    from training import registry
    from training.commands._plan import threads
    from training.study.plan import Plan

    plans = []
    for name in registry.methods():
        if name in LEFT_OUT:
            continue
        method, defaults = registry.method(name).METHOD, registry.space(name).DEFAULTS
        params, settings = registry.tiny(name)
        plans.append(
            Plan(
                method=name,
                dataset=registry.synthetic(method.data),
                name=f"demo {name}",
                settings={key: str(value) for key, value in settings.items()},
                hold={key: value for key, value in params.items() if defaults.get(key) != value},
                first=params,
                threads=threads(0),
                trials=3,
                repeats=2,
                epochs=60,
            )
        )
    return plans
