"""Settings whose value is a file: recorded by the file's name and content."""

from __future__ import annotations

import hashlib
from pathlib import Path

from training.contract import UserError

NONE = "none"


class FileSetting(tuple[str, ...]):
    """The allowed values of a setting that takes a file: those listed, the first the default, and any file's path."""

    def value(self, name: str, text: str) -> FileValue:
        """Return the value of the setting `name` for the path `text`; UserError where no file can be read there."""
        path = Path(text).expanduser()
        if not path.is_file():
            raise UserError(f"--set {name}={text}: expected a file, or one of {', '.join(self)}; found no file there")
        try:
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise UserError(f"--set {name}={text}: the file cannot be read: {error.strerror}") from error
        return FileValue(path, content)


class FileValue(str):
    """The value of a setting that is a file, as text ``<stem>@<hash>``: what is recorded, compared and shown.

    path : where the file lies on this machine.
    """

    path: Path

    def __new__(cls, path: Path, content: str) -> FileValue:
        """Make the value of a file with the hash `content`."""
        value = super().__new__(cls, f"{path.stem}@{content[:12]}")
        value.path = path.absolute()
        return value
