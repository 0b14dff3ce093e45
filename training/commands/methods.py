"""``methods``: list the methods."""

from __future__ import annotations

from training.commands._console import console


def methods() -> None:
    """List the methods and their settings."""
    from rich.table import Table

    from training import registry

    table = Table("method", "what it is", "data", "settings", "prerequisites", box=None, header_style="bold")
    for name in registry.methods():
        method = registry.method(name).METHOD
        settings = ", ".join(f"{k}={'|'.join(registry.value_texts(v))}" for k, v in method.settings.items())
        needed = [path for paths in method.all_needed().values() for path in paths]
        table.add_row(name, method.title, method.data, settings, ", ".join(needed))
    console().print(table)
