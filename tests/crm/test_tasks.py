"""Completing and reopening tasks: execution is not editing."""

from __future__ import annotations

import pytest

from apps.access.errors import MissingPermission
from apps.crm.errors import NoSuchRecord
from apps.crm.models import Change, Task
from apps.crm.services import complete_task, reopen_task
from apps.roles.scopes import Scope
from tests.factories import Cast, TaskFactory


def test_its_responsible_completes_and_reopens_a_task_without_the_right_to_edit_it(cast: Cast) -> None:
    cast.let(cast.member, "change_task", Scope.NONE)
    task = TaskFactory(branch=cast.branch, responsible=cast.member)
    complete_task(task, actor=cast.member)
    task.refresh_from_db()
    assert (task.done, task.done_by) == (True, cast.member)
    assert task.done_at is not None
    reopen_task(task, actor=cast.member)
    task.refresh_from_db()
    assert (task.done, task.done_at, task.done_by) == (False, None, None)


def test_who_may_edit_it_completes_somebody_else_s_task(cast: Cast) -> None:
    task = TaskFactory(branch=cast.branch, responsible=cast.member)
    assert complete_task(task, actor=cast.owner).done_by == cast.owner


def test_who_only_sees_it_does_not(cast: Cast) -> None:
    cast.let(cast.member, "view_task")
    task = TaskFactory(branch=cast.branch, responsible=cast.owner)
    with pytest.raises(MissingPermission) as caught:
        complete_task(task, actor=cast.member)
    assert caught.value.codename == "change_task"
    assert not Task.objects.get().done


def test_being_responsible_without_seeing_it_is_not_enough(cast: Cast) -> None:
    cast.let(cast.member, "view_task", Scope.NONE)
    task = TaskFactory(branch=cast.branch, responsible=cast.member)
    with pytest.raises(NoSuchRecord):
        complete_task(task, actor=cast.member)


def test_a_responsible_who_left_completes_nothing(cast: Cast) -> None:
    task = TaskFactory(branch=cast.branch, responsible=cast.member)
    cast.remove(cast.member)
    with pytest.raises(NoSuchRecord):
        complete_task(task, actor=cast.member)


def test_completing_twice_leaves_it_as_it_was_done_first(cast: Cast) -> None:
    task = TaskFactory(branch=cast.branch, responsible=cast.member)
    first = complete_task(task, actor=cast.member)
    again = complete_task(task, actor=cast.owner)
    assert (again.done_by, again.done_at) == (cast.member, first.done_at)
    assert [change.action for change in Change.objects.all()] == ["completed"]
