"""Faults of the machine are told from what a method raises."""

from __future__ import annotations

import errno

import pytest
import torch
from optuna.exceptions import StorageInternalError

from training.study import faults
from training.tracking.locks import LockLost


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        torch.OutOfMemoryError("Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried to"),
        RuntimeError("MPS backend out of memory"),
        ValueError("std::bad_alloc"),  # XGBoostError is one
    ],
    ids=["python", "system", "cuda", "torch", "mps", "xgboost"],
)
def test_an_error_for_want_of_memory_is_known(error: Exception) -> None:
    assert faults.out_of_memory(error)
    assert not faults.recording(error)


def test_what_torch_itself_raises_is_known() -> None:
    with pytest.raises(RuntimeError) as raised:
        torch.empty(10**15)
    assert faults.out_of_memory(raised.value)


@pytest.mark.parametrize(
    "error",
    [ArithmeticError("the train loss is nan"), ValueError("shapes differ"), OSError("no such file"), KeyError()],
)
def test_other_errors_are_the_methods(error: Exception) -> None:
    assert not faults.out_of_memory(error)
    assert not faults.recording(error)


def test_a_full_disk_and_a_store_that_cannot_be_written_are_known() -> None:
    assert faults.recording(OSError(errno.ENOSPC, "No space left on device"))
    assert faults.recording(faults.NotRecorded("database is locked"))
    assert faults.recording(StorageInternalError("database or disk is full"))


def test_a_lost_lock_is_no_result_of_a_configuration() -> None:
    assert faults.recording(LockLost("worker-a"))
