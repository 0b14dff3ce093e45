"""Pictures of faces as readers share them: 64×64 RGB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.contract import UserError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from training.contract import Settings

SIZE = 64
VA = ("valence", "arousal")


def read_inputs(file: Path, block: str, settings: Settings) -> tuple[NDArray[np.uint8], dict[str, NDArray[np.str_]]]:
    """Read pictures to predict for."""
    raise UserError(f"{file}: pictures cannot be read yet")
