"""The table of security requirements names existing tests and answers every requirement."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
PAGE = (ROOT / "docs" / "security.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)))
# A row of a requirement: its number, what we do, and what shows it.
ROWS = re.findall(r"^\| (\d+\.\d+\.\d+) \| (.*) \| (.*) \|$", PAGE, re.MULTILINE)


@cache
def functions(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}


@pytest.mark.parametrize(("path", "name"), NAMED, ids="::".join)
def test_each_named_test_exists(path: str, name: str) -> None:
    assert (ROOT / path).exists()
    assert not name or name in functions(path)


def test_each_requirement_has_one_answer_that_a_test_or_a_reason_shows() -> None:
    numbers = [number for number, _, _ in ROWS]
    assert len(numbers) == len(set(numbers))
    for number, answer, shown in ROWS:
        assert len(answer) > 8, number
        assert "`tests/" in shown or shown.startswith(("Does not apply", "Not yet", "By hand")), number
