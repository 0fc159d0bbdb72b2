"""What invoices say of an account's currency."""

from __future__ import annotations

from django.utils.translation import gettext as _

from apps.accounts.models import Account
from apps.billing.models import Invoice


def invoiced_in(account: Account) -> str:
    """Why the account keeps its currency, in a sentence: it has been invoiced. Empty where it has not."""
    if not Invoice.objects.filter(account=account).exists():
        return ""
    return _("%(account)s already has invoices, so its currency can't change.") % {"account": account}
