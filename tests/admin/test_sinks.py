"""Where unfold and Django print without escaping: all of it is reviewed in `docs/security.md`, and nothing is new."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from django.conf import settings

from apps.backoffice.site import site
from apps.crm.admin import navigation
from tests.admin.people import browser, everything, staff
from tests.admin.sinks import Sinks, python_sinks, script_sinks, template_sinks
from tests.admin.stored import LONG, Reading
from tests.factories import make_cast

SECURITY = Path(settings.BASE_DIR) / "docs" / "security.md"
# Options of unfold and Django whose templates print what they get into expressions, or raw.
UNUSED = (
    "actions_detail",
    "actions_list",
    "actions_row",
    "actions_submit_line",
    "change_form_datasets",
    "conditional_fields",
    "list_sections",
    "raw_id_fields",
    "readonly_preprocess_fields",
)


def reviewed(ending: str) -> Sinks:
    """What the table of `docs/security.md` lists of files with this ending."""
    table = SECURITY.read_text().partition("## Where the admin prints without escaping")[2]
    listed: Sinks = {}
    for file, printed in re.findall(r"^\| `([^`]+)` \| (`.+?`) \| ", table, re.MULTILINE):
        if file.endswith(ending):
            listed.setdefault(file, set()).update(
                part.replace("\\|", "|") for part in re.findall(r"`([^`]+)`", printed)
            )
    return listed


@pytest.mark.parametrize(
    ("ending", "walk"),
    [(".html", template_sinks), (".py", python_sinks), (".js", script_sinks)],
    ids=lambda case: str(case)[:6],
)
def test_every_place_that_prints_without_escaping_is_reviewed(ending: str, walk: Callable[[], Sinks]) -> None:
    installed = walk()
    assert installed
    assert installed == reviewed(ending)


def test_no_admin_uses_what_prints_names_into_expressions() -> None:
    admins = [*site._registry.values()]
    inlines = [inline for admin in admins for inline in admin.inlines]
    used = {
        (type(each).__name__, option)
        for each in (*admins, *inlines)
        for option in UNUSED
        if getattr(each, option, None)
    }
    assert admins
    assert used == set()
    assert find_spec("crispy_forms") is None
    assert not {"User", "Group"} & {model.__name__ for model in site._registry}


@pytest.mark.django_db
def test_a_title_of_the_sidebar_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(navigation, "_GROUPS", ((LONG, (("lead", LONG, "bolt"),)),))
    page = Reading(browser(staff(make_cast().branch, everything())).get("/admin/").content.decode())
    assert page.faults == []
    assert [text.strip() for text in page.texts].count(LONG) == 2
