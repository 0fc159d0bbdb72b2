"""Invitations: sent, sent again, cancelled."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.access.context import AccessContext
from apps.accounts import mail
from apps.accounts.limits import may_send, too_often
from apps.audit.text import SingleLineEmailInput
from apps.changes.base import Change
from apps.changes.invitations import CancelInvitation, Invite, ResendInvitation, address_of
from apps.pages.forms.base import ChangeForm
from apps.pages.forms.fields import id_field, roles
from apps.roles.models import Role
from apps.teams.models import Invitation

EVERYWHERE = "all"


class InviteForm(ChangeForm):
    """Invite a member."""

    title = gettext_lazy("Invite member")
    needs = ("invite_members",)

    def build(self) -> None:
        allowed = self.access.branches_where("invite_members")
        self.fields["email"] = SingleLineEmailInput(label=_("Email"))
        self.fields["branch"] = forms.ChoiceField(
            label=_("Branch"),
            choices=[
                *((str(branch.pk), branch.name) for branch in allowed),
                *([(EVERYWHERE, _("All branches"))] if len(allowed) > 1 else []),
            ],
        )
        self.fields["role"] = id_field(roles(self.access, Role.Kind.BRANCH), label=_("Role"))

    def change(self) -> Change:
        branch = self.cleaned_data["branch"]
        return Invite(
            account_id=self.account_id,
            email=self.cleaned_data["email"],
            role_id=self.cleaned_data["role"],
            branch_id=None if branch == EVERYWHERE else int(branch),
        )

    def held_back(self, request: HttpRequest) -> str:
        return _held_back(request, self.cleaned_data["email"], self.account_id)

    def once(self, request: HttpRequest, change: Change) -> dict[str, str] | None:
        return shown_once(request, change)


class InvitationForm(ChangeForm):
    """A change of an invitation that is pending."""

    @classmethod
    def applies(cls, access: AccessContext, row: Any) -> bool:
        return bool(row.status == Invitation.Status.PENDING)

    @classmethod
    def lacking(cls, access: AccessContext, row: Any) -> Any:
        """The right on the branch, or on every open one."""
        places = [row.branch] if row.branch_id else access.branches
        return next((("invite_members", place) for place in places if not access.may("invite_members", place)), None)


class ResendForm(InvitationForm):
    """Resend the invitation."""

    title = gettext_lazy("Resend")
    help = gettext_lazy(
        "You become the sender. The new link is valid for seven days, and the previous link stops working."
    )

    def change(self) -> Change:
        return ResendInvitation(account_id=self.account_id, invitation_id=self.row.pk)

    def held_back(self, request: HttpRequest) -> str:
        return _held_back(request, self.row.email, self.account_id)

    def once(self, request: HttpRequest, change: Change) -> dict[str, str] | None:
        return shown_once(request, change)


class CancelForm(InvitationForm):
    """Cancel it."""

    title = gettext_lazy("Cancel invitation")
    danger = True

    def change(self) -> Change:
        return CancelInvitation(account_id=self.account_id, invitation_id=self.row.pk)


def shown_once(request: HttpRequest, change: Any) -> dict[str, str]:
    """The link of an invitation, which only the one who sends it sees, and only now."""
    return {
        "title": _("Invitation sent"),
        "text": _(
            "The invitation goes out by email. You can also share this link: it offers to resend the email to "
            "the invited address. Copy it now, because it is shown only once."
        ),
        "link": mail.link(address_of(change.token)),
    }


def _held_back(request: HttpRequest, email: str, account_id: int) -> str:
    return "" if may_send(request, to=email, account_id=account_id) else too_often()
