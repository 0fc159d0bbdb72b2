"""The account is closed: what will be gone, when, and how that is taken back."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.access import lists, records
from apps.access.context import AccessContext
from apps.accounts.models import Account, Branch
from apps.changes.accounts import WAITING_PERIOD
from apps.pages.forms.accounts import CloseAccountForm, KeepAccountForm
from apps.pages.forms.base import ChangeForm
from apps.pages.forms.flow import answer
from apps.pages.views.page import AccountChangePages, page, show
from apps.pages.views.settings import crumbs_of
from apps.roles import catalogue
from apps.teams.models import Membership

DELETES = "delete_account"


class ClosingPages(AccountChangePages):
    """The form comes below what it is about."""

    def show(self, page: str, form: ChangeForm, context: dict[str, Any]) -> HttpResponse:
        """The page itself, or the preview."""
        if page != "change":
            return super().show(page, form, context)
        account = self.access.account
        assert account is not None
        gone = {
            "gone": _gone(self.access),
            "closing": account.status == Account.Status.CLOSING,
            "until": account.closes_at or timezone.now() + WAITING_PERIOD,
            "days": WAITING_PERIOD.days,
            "crumbs": self.crumbs,
        }
        return show(self.request, self.access, "pages/settings/closing.html", context["subject"], {**context, **gone})


@page(DELETES, sends=True)
def closing(request: HttpRequest, access: AccessContext) -> HttpResponse:
    """Close the account, or take its closing back."""
    account = access.account
    assert account is not None
    kind: type[ChangeForm] = CloseAccountForm if account.status == Account.Status.ACTIVE else KeepAccountForm
    form = kind(request.POST if request.method == "POST" else None, access=access, row=account)
    pages = ClosingPages(request, access, crumbs=crumbs_of(access))
    back = reverse("pages:settings-closing", args=[account.slug])
    return answer(request, form, pages, back=back, subject=_("Close and delete"))


def _gone(access: AccessContext) -> list[tuple[str, str]]:
    """Return the account's contents in numbers, counting only records that the person sees."""
    mandate = access.mandate
    assert mandate is not None
    people = Membership.objects.active().filter(account=access.account_id).values("user").distinct().count()
    branches = Branch.objects.filter(account=access.account_id).count()
    items = [(_("People"), str(people)), (_("Branches"), str(branches))]
    for kind in catalogue.record_types():
        if kind.name in records.registered():
            many = lists.capped_count(mandate, f"view_{kind.name}")
            items.append((kind.label_plural, f"{lists.CAP:,}+" if many > lists.CAP else f"{many:,}"))
    return items
