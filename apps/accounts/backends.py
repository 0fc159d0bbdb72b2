"""The sign-in backend: it authenticates users and grants no permissions."""

from __future__ import annotations

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.db.models import QuerySet

from apps.accounts.models import User


class SignInBackend(AuthenticationBackend):
    """allauth's, by e-mail address and password, without the permissions that it would grant as a model backend.

    An unknown address takes as long as a wrong password. Inactive users can't sign in.
    """

    def get_user_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Nothing: this backend grants no permission, and the methods below say so too."""
        return set()

    def get_group_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return set()

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return set()

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        return False

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        return False

    def with_perm(
        self, perm: Any, is_active: bool = True, include_superusers: bool = True, obj: Any = None
    ) -> QuerySet[User]:
        return User.objects.none()

    async def aget_user_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return set()

    async def aget_group_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return set()

    async def aget_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return set()

    async def ahas_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        return False

    async def ahas_module_perms(self, user_obj: Any, app_label: str) -> bool:
        return False
