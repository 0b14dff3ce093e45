"""JSON files of other people, read without a traceback whatever is in them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from training.contract import UserError

if TYPE_CHECKING:
    from pathlib import Path


def read(file: Path) -> Any:
    """Return what a JSON file holds; UserError where it cannot be read, or nests too deeply."""
    try:
        return loads(file.read_bytes(), str(file))
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror or error}") from error


def loads(content: bytes, where: str) -> Any:
    """Return what JSON text in UTF-8 holds; `where` begins the message of the UserError."""
    try:
        return json.loads(content.decode("utf-8-sig"))
    except RecursionError:
        raise UserError(f"{where}: expected JSON, found brackets within brackets, more than can be read") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{where}: expected UTF-8 text, found the byte {error.object[error.start]:#04x}") from error
    except json.JSONDecodeError as error:
        raise UserError(f"{where}, line {error.lineno}: expected JSON, found: {error.msg}") from error
    except ValueError as error:  # a number of more digits than Python reads
        raise UserError(f"{where}: expected JSON, found: {error}") from error
