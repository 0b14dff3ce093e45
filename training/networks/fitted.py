"""What fitted networks share: predictions batch by batch, the number of weights, and what a model's folder holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from training.networks.batches import in_order

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from training.networks.batches import Item

AT_ONCE = 256
"""Rows that a network is given at a time where a method does not say."""


def run(
    module: nn.Module, function: Callable[..., Tensor], items: Sequence[Item], at_once: int = AT_ONCE
) -> NDArray[Any]:
    """Return what `function` makes of all rows of the items, as an array (n, …).

    Parameters
    ----------
    module : says which device rows are moved to.
    function : takes a batch of each item, as `training.networks.batches.Batches` gives it.
    items : each with n rows: tensors, arrays or views.
    """
    output, start = np.empty(0), 0
    with torch.inference_mode():
        for batch in in_order(items, next(module.parameters()).device, at_once):
            part = function(*batch).cpu().numpy()
            if start == 0:
                # filled part by part: joining them at the end would take twice the memory
                output = np.empty((len(items[0]), *part.shape[1:]), part.dtype)
            output[start : start + len(part)] = part
            start += len(part)
    return output


def count(module: nn.Module) -> int:
    """Return the number of weights."""
    return sum(p.numel() for p in module.parameters())


def save_state(
    folder: Path, name: str, module: nn.Module, state: Mapping[str, Any], tensors: Mapping[str, Tensor] | None = None
) -> None:
    """Write <name>.safetensors, the module's weights and further `tensors`, and <name>.json, the `state`."""
    from safetensors.torch import save_file

    weights = {key: value.cpu().contiguous() for key, value in module.state_dict().items()}
    save_file({**weights, **(tensors or {})}, folder / f"{name}.safetensors")
    (folder / f"{name}.json").write_text(json.dumps(state), encoding="utf-8")


def load_state(folder: Path, name: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and the state that `save_state` wrote."""
    from safetensors.torch import load_file

    state = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return load_file(folder / f"{name}.safetensors"), state
