"""What is raised when somebody may not."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.db import models

from apps.access.records import Record
from apps.roles import catalogue


class MissingPermission(PermissionDenied):
    """A visible target on which the actor lacks the permission that the act needs.

    `codename` and `target` let a page say who can grant it. Nobody raises this about a record that the actor may not
    view: to them it does not exist.
    """

    def __init__(self, codename: str, target: models.Model) -> None:
        permission = catalogue.get(codename)
        where = target.reference if isinstance(target, Record) else str(target)
        super().__init__(f'This needs the permission "{permission.label}" on {where}, and you do not hold it there.')
        self.codename = permission.codename
        self.target = target
