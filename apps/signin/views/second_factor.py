"""One's second factor, and why it is asked for."""

from __future__ import annotations

from typing import Any

from allauth.mfa.base.views import IndexView
from django.utils.translation import gettext as _

from apps.access.second_factor import lacks_second_factor
from apps.accounts.models import User


class SecondFactorView(IndexView):
    """allauth's, with a sentence for whoever cannot go on without one."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """What there is, and what is missing for the account at hand."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        user = self.request.user
        account = user.current_account if isinstance(user, User) else None
        if account is not None and lacks_second_factor(user, account):
            context["missing"] = _("%(account)s requires two-factor authentication. Set it up to open the account.") % {
                "account": account
            }
        return context
