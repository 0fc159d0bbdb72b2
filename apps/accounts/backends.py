"""Signing in. This backend knows who somebody is, and grants nothing."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest

from apps.accounts.models import User


class SignInBackend(BaseBackend):
    """Signs in by e-mail address and password; an inactive user is nobody."""

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        """Nothing: this backend grants no permission."""
        return False

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """The user with this address and password, or None; an unknown address takes as long as a wrong password."""
        email = username or kwargs.get(User.USERNAME_FIELD)
        if not email or password is None:
            return None
        try:
            user = User.objects.get_by_natural_key(email)
        except User.DoesNotExist:
            User().set_password(password)
            return None
        return user if user.check_password(password) and user.is_active else None

    def get_user(self, user_id: Any) -> User | None:
        """The active user of a session, or None."""
        return User.objects.filter(pk=user_id, is_active=True).first()
