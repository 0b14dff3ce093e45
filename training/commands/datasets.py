"""``datasets``: list the data sets."""

from __future__ import annotations

from training.commands._console import console


def datasets() -> None:
    """List the data sets and their settings."""
    from rich.table import Table

    from training import registry

    table = Table("data set", "what it is", "kind", "settings", box=None, header_style="bold")
    for name in registry.datasets():
        reader = registry.reader(name)
        settings = ", ".join(f"{k}={'|'.join(registry.value_texts(v))}" for k, v in reader.settings.items())
        table.add_row(name, reader.title, reader.data, settings)
    console().print(table)
