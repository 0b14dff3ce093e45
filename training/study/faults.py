"""Faults of the machine: errors that say nothing of a configuration or a seed, so that the same command tries again."""

from __future__ import annotations

import errno
import sys

from optuna.exceptions import StorageInternalError

from training.tracking import patience
from training.tracking.locks import LockLost
from training.tracking.patience import StoreAway

DISK = {*patience.DISK, errno.EROFS}
"""Errors of a full or failing disk."""

OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory", "bad_alloc")
"""What libraries of C and C++ say, which raise errors of their own kinds: torch on the CPU and on MPS, XGBoost."""


class NotRecorded(Exception):
    """The store could not write what a fit reported: it says nothing of the configuration or the seed."""


def recording(error: BaseException) -> bool:
    """Return whether the disk, the store or a lock failed: the configuration has no part in it."""
    if isinstance(error, OSError):
        return error.errno in DISK
    return isinstance(error, NotRecorded | StorageInternalError | StoreAway | LockLost)


def out_of_memory(error: BaseException) -> bool:
    """Return whether the machine, or its GPU, had no memory left.

    Of a trial it is a result: the configuration asks for more than there is. Of a final run it is none, for the same
    configuration was fitted before.
    """
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    torch = sys.modules.get("torch")  # where it was not imported it raised nothing
    if torch is not None and isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError | ValueError) and any(words in str(error).lower() for words in OUT_OF_MEMORY)
