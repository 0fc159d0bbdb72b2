"""Django's interface to the policy: the only backend that grants permissions."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.backends import BaseBackend
from django.db.models import QuerySet

from apps.access.mandate import Mandate
from apps.access.mandate_cache import mandate_for
from apps.access.models import OperatorSession
from apps.access.policy import account_id_of, asked_of, decide, who_may
from apps.access.records import Record
from apps.accounts.models import Account, Branch, User
from apps.roles import catalogue
from apps.roles.catalogue import Permission, UnknownPermission, WrongTarget


class MandateBackend(BaseBackend):
    """Answers `has_perm` and related methods from the user's Mandate; superusers follow the same rules.

    Without an object the question is "anywhere in the current account?", which Django's menus ask. Unknown permissions
    and wrong targets are never granted.
    """

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """Return whether the user has the permission on the object or (without one) anywhere in the current account."""
        if not isinstance(user_obj, User):
            return False
        try:
            if obj is not None:
                return (
                    decide(mandate_for(user_obj, account_id_of(obj)), asked_of(perm, obj), obj)
                    if _is_subject(obj)
                    else False
                )
            mandate = _current(user_obj)
            return mandate is not None and mandate.allows_anywhere(catalogue.get(perm).codename)
        except (UnknownPermission, WrongTarget):
            return False

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        """Return whether the user has any permission of the app anywhere in the current account."""
        mandate = _current(user_obj) if isinstance(user_obj, User) else None
        return mandate is not None and any(
            mandate.allows_anywhere(permission.codename)
            for permission in catalogue.permissions()
            if permission.app == app_label
        )

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Return the full names of all permissions for which `has_perm` is true."""
        return {p.full_name for p in catalogue.permissions() if self.has_perm(user_obj, p.full_name, obj)}

    def get_user_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Return the same as `get_all_permissions`: there are no other user permissions."""
        return self.get_all_permissions(user_obj, obj)

    def get_group_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Return nothing: Django's groups give no permissions; team shares are in `get_all_permissions`."""
        return set()

    def with_perm(
        self, perm: str | Permission, is_active: bool = True, include_superusers: bool = True, obj: Any = None
    ) -> QuerySet[User]:
        """Return the users who have the permission on the object, as a queryset; empty without an object."""
        codename = perm if isinstance(perm, str) else perm.codename
        if obj is None or not is_active:
            return User.objects.none()
        found = [user.pk for user in who_may(codename, obj)]
        if include_superusers:
            operators = User.objects.filter(pk__in=OperatorSession.objects.open().values("user"))
            found += [user.pk for user in operators if self.has_perm(user, codename, obj)]
        return User.objects.filter(pk__in=found)

    async def ahas_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """See `has_perm`."""
        return await sync_to_async(self.has_perm)(user_obj, perm, obj)

    async def ahas_module_perms(self, user_obj: Any, app_label: str) -> bool:
        """See `has_module_perms`."""
        return await sync_to_async(self.has_module_perms)(user_obj, app_label)

    async def aget_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """See `get_all_permissions`."""
        return await sync_to_async(self.get_all_permissions)(user_obj, obj)

    async def aget_user_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """See `get_user_permissions`."""
        return await sync_to_async(self.get_user_permissions)(user_obj, obj)

    async def aget_group_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """See `get_group_permissions`."""
        return await sync_to_async(self.get_group_permissions)(user_obj, obj)


def _is_subject(obj: Any) -> bool:
    return isinstance(obj, Account | Branch | Record)


def _current(user: User) -> Mandate | None:
    account = user.current_account
    return None if account is None else mandate_for(user, account.pk)
