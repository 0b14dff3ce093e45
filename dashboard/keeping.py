"""What was computed from files, kept by the files' stamps and bounded in size. A failure is never kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """Values by key, those used last kept longest, up to a sum of sizes. Threads may share it."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._values: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._size = 0

    def get(self, key: Hashable, make: Callable[[], T], size: Callable[[T], int]) -> T:
        """Return the value of a key, made now where it is not kept. What `make` raises is raised and forgotten."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key][0]
        made = make()
        with self._lock:
            if key not in self._values:
                self._values[key] = (made, size(made))
                self._size += self._values[key][1]
            while self._size > self.limit and len(self._values) > 1:
                self._size -= self._values.popitem(last=False)[1][1]
        return made

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()
            self._size = 0
