"""What happens while the store cannot be used: a database that restarts or is locked, a full disk, no network.

One place for both halves of the store. A call that fails for such a reason is made again, with growing pauses and a
message that a person sees, until it goes through or the worker's patience is at its end. Then, and for every call
after it, `StoreAway` says in one sentence what is wrong; the same command goes on later.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST_PAUSE_S, LAST_PAUSE_S = 0.5, 15.0
DISK = {errno.ENOSPC, errno.EDQUOT, errno.EIO}
"""Errors of a full or failing disk."""
NOT_AWAY = (
    *("readonly", "read-only", "no such table", "no such column", "unable to open", "malformed", "not a database"),
    *("authentication failed", "does not exist", "no password", "permission denied"),
)
"""Words of database errors for which waiting is no help."""
DAMAGE = ("malformed", "not a database")
"""Words of SQLite's errors on a damaged file."""


class StoreAway(Exception):
    """The store could not be used for as long as the worker was to wait; the message is for a person."""


class Patience:
    """How long this process waits for its store, and how it says that it waits.

    Parameters
    ----------
    seconds : from the first failure of a call; with 0 the first failure is the last.
    say : is given the sentences on waiting.
    """

    def __init__(self, seconds: float = 0.0, say: Callable[[str], None] = lambda text: None) -> None:
        self.seconds = seconds
        self.say = say
        self._spent = False
        self._at_once = False

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return ``function(*args, **kwargs)``, called again for as long as the store is away; StoreAway after that.

        Only the main thread says that it waits.
        """
        began, pause = None, FIRST_PAUSE_S
        while True:
            try:
                result = function(*args, **kwargs)
            except Exception as error:
                if broken := _damage(error):
                    raise StoreAway(f"the store's database is damaged ({broken}); restore it from a copy") from error
                reason = away(error)
                if reason is None:
                    raise
                now = time.monotonic()
                if began is None:
                    began = now
                    self._tell(f"the store cannot be used ({reason}); waiting for it, {_time(self.seconds)} at most")
                left = began + self.seconds - now
                if self._at_once and _main():
                    raise StoreAway(reason) from error
                if self._spent or left <= 0:
                    self._spent = True
                    waited = f" for {_time(self.seconds)}" if self.seconds else ""
                    raise StoreAway(
                        f"the store could not be used{waited} ({reason}). What was written stays; when the store is "
                        "back, the same command goes on"
                    ) from error
                time.sleep(min(pause, left))
                pause = min(2 * pause, LAST_PAUSE_S)
            else:
                if began is not None:
                    self._tell(f"the store is back after {_time(time.monotonic() - began)}")
                return result

    def _tell(self, text: str) -> None:
        if self.seconds and not self._spent and not self._at_once and _main():
            self.say(text)

    @contextlib.contextmanager
    def not_waiting(self) -> Iterator[None]:
        """Let the main thread's calls in the block raise StoreAway at their first failure: they can be made later."""
        self._at_once = True
        try:
            yield
        finally:
            self._at_once = False

    def client(self, client: Any) -> Any:
        """Return an MLflow client all of whose calls wait for the store."""
        return _Patient(client, self)


class _Patient:
    """An object whose methods wait for the store."""

    def __init__(self, wrapped: Any, patience: Patience) -> None:
        self._wrapped, self._patience = wrapped, patience

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._wrapped, name)
        # what begins with an underscore is MLflow's own, which this project uses to open transactions of its own
        if name.startswith("_") or not callable(value):
            return value
        return functools.partial(self._patience.call, value)


def away(error: BaseException) -> str | None:
    """Return why the store cannot be used, in a few words; None for an error that says nothing of the store."""
    for one in _chain(error):
        reason = _reason(one)
        if reason is not None:
            text = " ".join(reason.split())
            return None if any(words in text.lower() for words in NOT_AWAY) else text[:200]
    return None


def _damage(error: BaseException) -> str | None:
    """Return what the database says of its own file where that is damaged; None for all other errors."""
    import sqlalchemy.exc as database

    said = [str(one.orig) for one in _chain(error) if isinstance(one, database.DatabaseError)]
    return next((text for text in said if any(words in text for words in DAMAGE)), None)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _reason(error: BaseException) -> str | None:
    import sqlalchemy.exc as database

    if isinstance(error, OSError) and error.errno in DISK:
        return (error.strerror or str(error)).lower()
    if isinstance(error, ConnectionError | TimeoutError):
        return str(error)
    if isinstance(error, OSError) and type(error).__module__ == "requests.exceptions":
        return "the server does not answer"
    if isinstance(error, database.OperationalError | database.InterfaceError | database.InternalError):
        return str(error.orig)
    if isinstance(error, database.DBAPIError) and error.connection_invalidated:
        return str(error.orig)
    if isinstance(error, database.TimeoutError):
        return str(error)
    # psycopg is not imported where it is not in use
    if any(
        base.__module__.startswith("psycopg") and base.__name__ == "OperationalError" for base in type(error).__mro__
    ):
        return str(error)
    if getattr(error, "error_code", "") == "TEMPORARILY_UNAVAILABLE":
        return str(error)
    return None


def _main() -> bool:
    return threading.current_thread() is threading.main_thread()


def _time(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"
