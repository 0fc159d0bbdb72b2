"""Django's makemessages, which also finds the names of tables and columns that no source file spells out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.commands import makemessages

from apps.accounts.naming import names


class Command(makemessages.Command):
    """Collects the texts to translate, in one catalogue for each language."""

    def handle(self, *args: Any, **options: Any) -> None:
        """As Django does, with a source file of the names that is there as long as it takes."""
        source = Path("names_of_tables_and_columns.py")
        source.write_text("".join(f"_({name!r})\n" for name in names()), encoding="utf-8")
        try:
            super().handle(*args, **options)
        finally:
            source.unlink()
