"""The guides show pictures that browser tests take, and use the labels of the pages."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
GUIDES = sorted((ROOT / "docs" / "guide").glob("*.md"))
PICTURES = ROOT / "docs" / "images" / "guide"
SHOWN = re.compile(r"!\[([^\]]*)\]\(\.\./images/guide/([\w-]+)\.png\)")
BOLD = re.compile(r"\*\*([^*]+)\*\*")
TAKEN = re.compile(r'\btake\(\s*\w+, "([\w-]+)"')
# The most bytes of a picture, since every clone carries each one.
LARGEST = 120_000


def shown() -> set[str]:
    return {name for guide in GUIDES for _, name in SHOWN.findall(guide.read_text())}


@cache
def words() -> str:
    """Return all texts of templates and forms."""
    kinds = (("templates", "*.html"), ("apps", "*.html"), ("apps", "*.py"))
    return "\n".join(path.read_text() for folder, kind in kinds for path in sorted((ROOT / folder).rglob(kind)))


def test_the_guides_show_exactly_the_existing_pictures() -> None:
    assert shown() == {path.stem for path in PICTURES.glob("*")}


def test_a_browser_test_takes_each_picture_and_every_picture_is_used() -> None:
    tests = (ROOT / "tests" / "browser").glob("test_*.py")
    taken = [name for test in tests for name in TAKEN.findall(test.read_text())]
    assert sorted(taken) == sorted(shown())


def test_each_picture_is_small_and_has_a_description() -> None:
    for path in PICTURES.glob("*"):
        assert path.stat().st_size < LARGEST, path.name
    for guide in GUIDES:
        for alternative, name in SHOWN.findall(guide.read_text()):
            assert len(alternative) > 20, name


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_bold_labels_are_labels_of_pages(guide: Path) -> None:
    unknown = [label for label in BOLD.findall(guide.read_text()) if f'"{label}"' not in words()]
    bare = [label for label in unknown if not re.search(rf">\s*{re.escape(label)}\s*<", words())]
    assert not bare
