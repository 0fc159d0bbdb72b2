"""The page of two-factor authentication, with the reason when an account requires it."""

from __future__ import annotations

from typing import Any

from allauth.mfa.base.views import IndexView
from django.utils.translation import gettext as _

from apps.access.second_factor import lacks_second_factor
from apps.accounts.models import User


class SecondFactorView(IndexView):
    """allauth's view, with a notice for users whose account requires two-factor authentication."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return the context; `missing` says which account requires two-factor authentication."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        user = self.request.user
        account = user.current_account if isinstance(user, User) else None
        if account is not None and lacks_second_factor(user, account):
            context["missing"] = _("%(account)s requires two-factor authentication. Set it up to open the account.") % {
                "account": account
            }
        return context
