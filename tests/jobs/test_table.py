"""No job over accounts is forgotten: the queue's tasks, the commands and the loops of the code are walked."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core.management import get_commands
from procrastinate.contrib.django import app

from apps.backoffice.listing import ReadOnlyAdmin
from apps.backoffice.site import site
from tests.jobs.table import COMMANDS, OTHER_COMMANDS, OTHER_LOOPS, OTHER_TASKS, READING, TASKS

LOOPS = (ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def test_every_periodic_task_is_in_the_table() -> None:
    app.perform_import_paths()  # type: ignore[no-untyped-call]
    periodic = {each.task.name for each in app.periodic_registry.periodic_tasks.values()}
    assert periodic == {loop.name for loop in TASKS} | OTHER_TASKS.keys()


def test_every_command_is_in_the_table() -> None:
    ours = {name for name, of in get_commands().items() if str(of).startswith("apps.")}
    assert ours == {loop.name for loop in (*COMMANDS, READING)} | OTHER_COMMANDS.keys()


def test_no_code_goes_over_accounts_by_itself() -> None:
    root = Path(settings.BASE_DIR)
    found = {str(path.relative_to(root)) for path in (root / "apps").rglob("*.py") if any(own_loops(path))}
    assert found == {"apps/accounts/isolation.py", *OTHER_LOOPS}


def own_loops(path: Path) -> Iterator[ast.AST]:
    """The loops of a file that enter accounts."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, LOOPS):
            calls = (each for each in ast.walk(node) if isinstance(each, ast.Call))
            if any(ast.unparse(call.func).split(".")[-1] in {"tenant", "inside"} for call in calls):
                yield node


def test_staff_see_the_failures_of_every_job_above_some_list() -> None:
    shown = {
        job.key for admin in site._registry.values() if isinstance(admin, ReadOnlyAdmin) for job in type(admin).jobs
    }
    assert shown == {loop.job.key for loop in (*TASKS, *COMMANDS, READING)}
