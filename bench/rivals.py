"""Other libraries on the same grants: django-guardian with direct models, and pycasbin."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import casbin
from django.contrib.auth.models import Group
from guardian.core import ObjectPermissionChecker
from guardian.shortcuts import get_objects_for_user

from apps.access.lists import CAP
from apps.accounts.models import User
from apps.crm.models import Lead
from apps.roles.scopes import Scope
from bench.by_hand import SIZE
from bench.cast import Asker

# It tells the model that it was given, each time.
logging.getLogger("casbin").setLevel(logging.WARNING)
_MODEL = r"""
[request_definition]
r = user, branch, act, lead
[policy_definition]
p = role, branch, act, reach
[role_definition]
g = _, _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.branch == p.branch && r.act == p.act && g(r.user, p.role, r.branch) \
    && (p.reach == "all" || r.lead["responsible"] == r.user)
"""


class Guardian:
    """A user's leads by guardian's rows: `accept_global_perms` off, without groups, which our users have none of."""

    def __init__(self, user: User) -> None:
        self.user = user

    def leads(self) -> Any:
        """The queryset that guardian answers with."""
        return get_objects_for_user(
            self.user, "crm.view_lead", Lead, use_groups=False, accept_global_perms=False, with_superuser=False
        )

    def page(self) -> list[Lead]:
        """The newest leads."""
        return list(self.leads().order_by("-created_at", "-id")[:SIZE])

    def count(self) -> int:
        """How many there are, up to one more than the cap."""
        return int(self.leads()[: CAP + 1].count())

    def checker(self, leads: Sequence[Lead]) -> ObjectPermissionChecker:
        """A checker that has read the permissions on these leads beforehand."""
        # The checker asks for the user's groups, which Django's own user model has; here there are none to read.
        self.user.groups = Group.objects.none()  # type: ignore[attr-defined]
        checker = ObjectPermissionChecker(self.user)
        checker.prefetch_perms(leads)  # type: ignore[arg-type] # it takes any collection of objects
        return checker


class Casbin:
    """The same rules as pycasbin's policies: a role on each branch, with a reach that its matcher looks at."""

    def __init__(self, asker: Asker) -> None:
        model = casbin.Model()
        model.load_model_from_text(_MODEL)
        self._user = str(asker.user.pk)
        self._enforcer = casbin.Enforcer(model)
        for branch, scope in asker.scopes.items():
            self._enforcer.add_policy("member", str(branch), "view_lead", "all" if scope & Scope.ALL else "responsible")
            self._enforcer.add_grouping_policy(self._user, "member", str(branch))

    def may(self, lead: Lead) -> bool:
        """Whether the policies let the user view the lead."""
        subject = {"responsible": str(lead.responsible_id)}
        return bool(self._enforcer.enforce(self._user, str(lead.branch_id), "view_lead", subject))
