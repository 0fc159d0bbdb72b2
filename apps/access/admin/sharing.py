"""Shares of a record: who has one, and how it is granted, changed and revoked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from apps.access import shares
from apps.access.admin.changing import ChangeForm, changing
from apps.access.admin.desk import Desk, desk_of
from apps.access.admin.fields import CHOOSE, id_field, people
from apps.access.admin.reasons import tooltip
from apps.access.changes.base import Change
from apps.access.changes.sharing import ChangeShare, GrantShare, RevokeShare
from apps.access.errors import MissingPermission
from apps.access.records import Record
from apps.accounts.models import User
from apps.roles import catalogue
from apps.teams.models import Team

LOOKS = ("grant_record_access", "change_record_access", "revoke_record_access", "view_access_history")
VERB_LABELS = {"view": "See it", "change": "Edit it", "delete": "Delete it", "export": "Export it"}


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody, or a team, with a share of the record: which verbs it gives, and the addresses to change it."""

    name: str
    kind: str
    user_id: int | None
    team_id: int | None
    verbs: tuple[str, ...]

    @property
    def named(self) -> str:
        """How the address names it."""
        return f"user={self.user_id}" if self.team_id is None else f"team={self.team_id}"

    @property
    def words(self) -> str:
        """What the share gives."""
        return ", ".join(VERB_LABELS[verb].removesuffix(" it").lower() for verb in self.verbs)


def holders_of(record: Record) -> list[Holder]:
    """Who holds shares of the record, people first."""
    found = []
    of_users, of_groups = shares.subjects(record)
    for user in User.objects.filter(pk__in=of_users).order_by("name", "pk"):
        found.append(Holder(str(user), "person", user.pk, None, _verbs(of_users[user.pk])))
    for team in Team.objects.filter(account=record.account_id, group__in=of_groups).order_by("name", "pk"):
        found.append(Holder(team.name, "team", None, team.pk, _verbs(of_groups[team.group_id])))
    return found


def _verbs(codenames: frozenset[str]) -> tuple[str, ...]:
    held = {codename.partition("_")[0] for codename in codenames}
    return tuple(verb for verb in catalogue.SHAREABLE_VERBS if verb in held)


class ShareForm(ChangeForm):
    """A share of a record, `row`; `holder` is whose, None for a new one."""

    def __init__(self, data: Any = None, *, desk: Desk, row: Any, holder: Holder | None = None) -> None:
        self.holder = holder
        super().__init__(data, desk=desk, row=row)

    def shown(self) -> dict[str, Any]:
        return {"holder": self.holder.named, "verbs": list(self.holder.verbs)} if self.holder else {}

    @property
    def seen_verbs(self) -> frozenset[str]:
        """What the page showed of this holder's share."""
        seen = self.seen_there
        return frozenset(seen["verbs"]) if self.holder and seen["holder"] == self.holder.named else frozenset()

    def offer_verbs(self, initial: tuple[str, ...]) -> None:
        """Ask what the share gives."""
        possible = catalogue.record_type(self.row.record_type).share_verbs
        self.fields["verbs"] = forms.MultipleChoiceField(
            label="What they may do",
            choices=[(verb, VERB_LABELS[verb]) for verb in possible],
            initial=list(initial),
            widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        )

    @property
    def common(self) -> dict[str, Any]:
        """What every change of a share states."""
        return {"account_id": self.account_id, "record_type": self.row.record_type, "record_id": self.row.pk}

    @property
    def whose(self) -> dict[str, Any]:
        """The one whose share it is."""
        assert self.holder is not None
        return {"user_id": self.holder.user_id, "team_id": self.holder.team_id, "seen": self.seen_verbs}


class GrantShareForm(ShareForm):
    """A share for somebody, or for a team of the branch."""

    title = "Share it"
    help = "A share counts where the role reaches what is shared: it never gives more than you have yourself."
    needs = ("grant_record_access",)

    def build(self) -> None:
        branch = [self.row.branch_id]
        teams = Team.objects.filter(branch=self.row.branch_id).order_by("name")
        choices: list[Any] = [
            CHOOSE,
            ("People", [(f"user:{pk}", name) for pk, name in people(self.desk, branch, but=self.desk.user.pk)]),
            ("Teams", [(f"team:{team.pk}", team.name) for team in teams]),
        ]
        self.fields["who"] = id_field([], label="With whom", search=True)
        self.fields["who"] = forms.ChoiceField(label="With whom", choices=choices, widget=self.fields["who"].widget)
        self.offer_verbs(("view",))

    def change(self) -> Change:
        kind, _, pk = self.cleaned_data["who"].partition(":")
        whose: dict[str, Any] = {"team_id" if kind == "team" else "user_id": int(pk)}
        return GrantShare(**self.common, **whose, verbs=frozenset(self.cleaned_data["verbs"]))


class ChangeShareForm(ShareForm):
    """Other verbs."""

    title = "Change the share"
    needs = ("change_record_access",)

    def build(self) -> None:
        self.offer_verbs(self.holder.verbs if self.holder else ())

    def change(self) -> Change:
        return ChangeShare(**self.common, **self.whose, verbs=frozenset(self.cleaned_data["verbs"]))


class RevokeShareForm(ShareForm):
    """It is taken away."""

    title = "Revoke the share"
    danger = True
    needs = ("revoke_record_access",)

    def change(self) -> Change:
        return RevokeShare(**self.common, **self.whose)


FORMS: Mapping[str, type[ShareForm]] = {
    "grant": GrantShareForm,
    "change": ChangeShareForm,
    "revoke": RevokeShareForm,
}


class SharePage:
    """The page of a record's shares."""

    template: ClassVar[str] = "admin/access/shares.html"

    def __init__(self, admin: Any, request: HttpRequest, record: Any) -> None:
        self.admin = admin
        self.request = request
        self.record = record
        self.desk = desk_of(request)
        self.address = reverse(f"admin:{admin.opts.app_label}_{admin.opts.model_name}_share", args=[record.pk])

    def answer(self) -> HttpResponse:
        """The shares that stand, or (with `do`) the form of a change.

        Raises:
            MissingPermission: the person may neither see nor change who has a share.
            Http404: records like it have none, or nobody of that name has one.
        """
        if shares.tables(self.record.record_type) is None:
            raise Http404
        if not any(self.desk.may(codename, self.record) for codename in LOOKS):
            raise MissingPermission(LOOKS[0], self.record)
        name = self.request.GET.get("do")
        if name is None:
            return self._list()
        if name not in FORMS:
            raise Http404
        holder = None if name == "grant" else self._holder()
        data = self.request.POST if self.request.method == "POST" else None
        form = FORMS[name](data, desk=self.desk, row=self.record, holder=holder)
        subject = f"{form.title}: {self.record} ({self.record.reference})"
        return changing(
            self.request,
            form,
            back=self.address,
            opts=self.admin.opts,
            site=self.admin.admin_site,
            subject=f"{subject}, {holder.name}" if holder else subject,
        )

    def _holder(self) -> Holder:
        wanted = {f"{kind}={self.request.GET.get(kind)}" for kind in ("user", "team") if kind in self.request.GET}
        for holder in holders_of(self.record):
            if wanted == {holder.named}:
                return holder
        raise Http404

    def _list(self) -> TemplateResponse:
        missing = {
            name: "" if self.desk.may(form.needs[0], self.record) else tooltip(self.desk, form.needs[0])
            for name, form in FORMS.items()
        }
        self.request.current_app = self.admin.admin_site.name
        context = {
            **self.admin.admin_site.each_context(self.request),
            "title": "Shares",
            "opts": self.admin.opts,
            "original": self.record,
            "holders": holders_of(self.record),
            "missing_for": missing,
            "private": self.record.private,
        }
        return TemplateResponse(self.request, self.template, context)


def share_page(admin: Any, request: HttpRequest, record: Any) -> HttpResponse:
    """See `SharePage`."""
    return SharePage(admin, request, record).answer()
