"""Changes of every kind for the rows of an account, as they come: a further kind is one more line."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from allauth.mfa.models import Authenticator
from django.db import models
from django.utils import timezone

from apps.access import records, shares
from apps.access.handover import Delete, HandOver, HandOverPlan, record_types
from apps.access.models import AccessRequest, Override
from apps.accounts.models import Account, Branch, User
from apps.billing.changes import Entitle
from apps.billing.operating import CreditInvoice, EnterPayment
from apps.billing.subscription_state import Entitlements
from apps.changes.accounts import ChangeAccount, CloseAccount, FinishClosing, KeepAccount
from apps.changes.base import Change
from apps.changes.branches import ChangeBranch, CloseBranch, CreateBranch, ReopenBranch
from apps.changes.custom_roles import CopyRole, DeleteRole, EditRole
from apps.changes.details import ChangeDetails
from apps.changes.invitations import AcceptInvitation, CancelInvitation, Invite, ResendInvitation
from apps.changes.members import AddToBranch, ChangeRole
from apps.changes.overrides import ClearOverride, SetOverride
from apps.changes.parent_roles import ChangeParentRole, GrantParentRole, RevokeParentRole
from apps.changes.permissions import RequestedOverride, UpdatePermissions
from apps.changes.removal import DeleteMember, Leave, RemoveMember, RestoreMember
from apps.changes.requests import ApproveRequest, DeclineRequest, RequestAccess, WithdrawRequest
from apps.changes.role_files import DefineRoles, RoleDefinitionValues
from apps.changes.second_factor import ResetMfa
from apps.changes.sharing import ChangeShare, GrantShare, RevokeShare
from apps.changes.switching import SwitchScheme
from apps.changes.teams import AddTeam, ChangeTeam, DeleteTeam
from apps.changes.transfer import TransferOwnership
from apps.roles import catalogue
from apps.roles.models import Role
from apps.roles.schemes import scheme_keys
from apps.roles.scopes import Scope
from apps.teams.models import Invitation, Membership, ParentMembership, Team

TOKEN = "a token that nobody guesses"
SCOPES = [Scope.NONE, Scope.CREATED, Scope.RESPONSIBLE | Scope.SHARED, Scope.RESPONSIBLE | Scope.TEAM, Scope.ALL]


class Wish(NamedTuple):
    """A change, and who makes it; None is the operator at the console."""

    change: Change
    actor: User | None = None


class Nothing(Exception):
    """There is no row that such a change could be about."""


class Wisher:
    """Draws changes for one account."""

    def __init__(self, rng: random.Random, account: Account) -> None:
        self.rng = rng
        self.account = account

    def wish(self, kind: type[Change]) -> Wish:
        """A change of this kind.

        Raises:
            Nothing: the account has no row for it.
        """
        made = WISHES[kind](self)
        stated, actor = made if isinstance(made, tuple) else (made, None)
        return Wish(kind(account_id=self.account.pk, **stated), actor)

    def one(self, model: type[models.Model], **conditions: Any) -> Any:
        """A row of the account."""
        return self.of(model._default_manager.filter(account=self.account.pk, **conditions))

    def of(self, rows: models.QuerySet[Any]) -> Any:
        """One of these rows."""
        found = list(rows.order_by("pk"))
        if not found:
            raise Nothing
        return self.rng.choice(found)

    def role(self, kind: str = "branch") -> int:
        """A role that the account can give."""
        usable = Role.objects.usable_in(self.account.pk, Account.objects.get(pk=self.account.pk).scheme)
        return int(self.of(usable.filter(kind=kind)).pk)

    def permission(self) -> dict[str, Any]:
        """A permission, most often one of records, with a scope."""
        named = self.rng.choice(["view_lead", "view_contact", "view_task", "change_lead", "view_activity", ""])
        permission = catalogue.get(named or self.rng.choice([p.codename for p in catalogue.permissions()]))
        on_records = permission.target is catalogue.Target.RECORD
        return {
            "permission": permission.codename,
            "scope": self.rng.choice(SCOPES if on_records else [Scope.NONE, Scope.ALL]),
        }

    def end(self) -> Any:
        """An end, or none."""
        return self.rng.choice([None, timezone.now() + timedelta(days=3)])

    def slug(self) -> str:
        """A short name that nothing has."""
        return f"new-{self.rng.randrange(10**6)}"

    def members(self, branch_id: int) -> list[int]:
        """Some active members of a branch."""
        held = Membership.objects.active().filter(branch=branch_id).order_by("pk").values_list("user", flat=True)
        return self.rng.sample(list(held), k=min(len(held), self.rng.randrange(4)))

    def removal_plan(self, user_id: int, branch_id: int) -> HandOverPlan:
        """Some types to somebody, the private contacts too."""
        colleagues = Membership.objects.active().filter(branch=branch_id, user__is_active=True).exclude(user=user_id)
        heir = self.of(colleagues).user_id
        types = self.rng.sample(record_types(), k=self.rng.randrange(4))
        private: list[HandOver | Delete] = [HandOver(heir), Delete()]
        return HandOverPlan(dict.fromkeys(types, heir), self.rng.choice(private))

    def shared(self, *, new: bool) -> dict[str, Any]:
        """A record and whom it is shared with, or could be."""
        name = self.rng.choice([name for name in records.registered() if shares.tables(name)])
        tables: Any = shares.tables(name)
        table = tables[self.rng.randrange(2)]
        verbs = catalogue.record_type(name).share_verbs
        chosen = frozenset(self.rng.sample(verbs, k=self.rng.randint(1, len(verbs))))
        if not new:
            share = self.one(table)
            whom = {"user_id": share.user_id} if hasattr(share, "user_id") else {"team_id": share.group.team.pk}
            return {"record_type": name, "record_id": share.content_object_id, "verbs": chosen} | whom
        record = self.one(records.model_of(name), **({"private": False} if name == "contact" else {}))
        if table is tables[0]:
            whom = {"user_id": self.of(Membership.objects.active().filter(branch=record.branch_id)).user_id}
        else:
            whom = {"team_id": self.one(Team, branch=record.branch_id).pk}
        return {"record_type": name, "record_id": record.pk, "verbs": chosen} | whom


def _set_override(w: Wisher) -> dict[str, Any]:
    return {"membership_id": w.one(Membership, status="active").pk, **w.permission(), "expires_at": w.end()}


def _clear_override(w: Wisher) -> dict[str, Any]:
    override = w.one(Override)
    membership = w.one(Membership, branch=override.branch_id, user=override.user_id)
    return {"membership_id": membership.pk, "permission": override.permission}


def _update_permissions(w: Wisher) -> dict[str, Any]:
    wanted: dict[str, RequestedOverride | None] = {}
    for _ in range(3):
        drawn = w.permission()
        wanted[drawn["permission"]] = w.rng.choice([None, RequestedOverride(drawn["scope"], w.end())])
    return {"membership_id": w.one(Membership, status="active").pk, "wanted": wanted}


def _define_roles(w: Wisher) -> dict[str, Any]:
    based_on = Role.objects.get(pk=w.role()).key
    drawn = w.permission()
    new = RoleDefinitionValues(w.slug(), "New", based_on, {drawn["permission"]: drawn["scope"]})
    own = Role.objects.filter(account_id=w.account.pk, based_on__isnull=False).select_related("based_on").first()
    standing = (
        [] if own is None or own.based_on is None else [RoleDefinitionValues(own.key, own.name, own.based_on.key, {})]
    )
    return {"definitions": [new, *standing]}


def _remove(w: Wisher) -> dict[str, Any]:
    held = w.one(Membership, status="active", branch__status="active")
    return {
        "user_id": held.user_id,
        "branch_id": held.branch_id,
        "removal_plan": w.removal_plan(held.user_id, held.branch_id),
    }


def _leave(w: Wisher) -> tuple[dict[str, Any], User]:
    stated = _remove(w)
    return stated, User.objects.get(pk=stated.pop("user_id"))


def _edit_role(w: Wisher) -> dict[str, Any]:
    role = w.of(Role.objects.filter(account_id=w.account.pk))
    asked = w.permission()
    return {"role_id": role.pk, "grants": {asked["permission"]: asked["scope"]}}


def _change_team(w: Wisher) -> dict[str, Any]:
    team = w.one(Team)
    return {"team_id": team.pk, "name": w.slug(), "user_ids": frozenset(w.members(team.branch_id))}


def _add_team(w: Wisher) -> dict[str, Any]:
    branch = w.one(Branch, status="active")
    return {"branch_id": branch.pk, "slug": w.slug(), "name": "New", "user_ids": tuple(w.members(branch.pk))}


def _switch(w: Wisher) -> dict[str, Any]:
    account = Account.objects.get(pk=w.account.pk)
    to = w.rng.choice([key for key in scheme_keys() if key != account.scheme])
    roles: dict[str, str | None] = {}
    for role in Role.objects.usable_in(account.pk, account.scheme):
        others = Role.objects.published(to).filter(kind=role.kind, single=False)
        top = others.filter(kind="branch").order_by("-rank").first()
        fits = w.rng.choice(list(others)) if others else None
        roles[role.key] = None if fits is None else top.key if role.rank >= 50 and top is not None else fits.key
    return {"scheme": to, "roles": roles}


def _invite(w: Wisher) -> dict[str, Any]:
    branch = w.rng.choice([None, w.one(Branch, status="active").pk])
    return {"email": f"{w.slug()}@new.example", "role_id": w.role(), "branch_id": branch}


def _accept(w: Wisher) -> tuple[dict[str, Any], User]:
    user = User.objects.create(email=f"{w.slug()}@new.example", name="Newly Come")
    branch = w.one(Branch, status="active")
    invite = Invite(account_id=w.account.pk, email=user.email, role_id=w.role(), branch_id=branch.pk)
    invite.apply(actor=None, reason="Comes to us")
    return {"token": invite.token}, user


def _request(w: Wisher) -> tuple[dict[str, Any], User]:
    held = w.one(Membership, status="active")
    return {"branch_id": held.branch_id, **w.permission()}, held.user


def _open_request(w: Wisher) -> AccessRequest:
    for _ in range(5):
        stated, user = _request(w)
        try:
            RequestAccess(account_id=w.account.pk, **stated).apply(actor=user, reason="I need it")
        except Exception:
            continue
        break
    found: AccessRequest = w.one(AccessRequest, status="open")
    return found


def _withdraw(w: Wisher) -> tuple[dict[str, Any], User]:
    request = _open_request(w)
    return {"request_id": request.pk}, request.user


def _reset_mfa(w: Wisher) -> dict[str, Any]:
    user = w.one(Membership, status="active").user
    Authenticator.objects.get_or_create(user=user, type=Authenticator.Type.TOTP, defaults={"data": {}})
    return {"user_id": user.pk}


def _entitle(w: Wisher) -> Any:
    features = w.rng.choice([None, frozenset(), frozenset({"branches", "automation", "custom_roles"})])
    return {"given": Entitlements(features, None, {}, w.rng.choice([True, False]))}


def _nothing_to_pay(w: Wisher) -> Any:
    """These worlds have no bills."""
    raise Nothing


WISHES: Mapping[type[Change], Callable[[Wisher], Any]] = {
    ChangeRole: lambda w: {"membership_id": w.one(Membership, status="active").pk, "role_id": w.role()},
    SetOverride: _set_override,
    ClearOverride: _clear_override,
    UpdatePermissions: _update_permissions,
    AddToBranch: lambda w: {
        "user_id": w.one(Membership, status="active").user_id,
        "branch_id": w.one(Branch, status="active").pk,
        "role_id": w.role(),
    },
    RemoveMember: _remove,
    Leave: _leave,
    RestoreMember: lambda w: {"user_id": w.one(Membership, status="removed").user_id},
    DeleteMember: lambda w: {"user_id": w.one(Membership, status="removed").user_id},
    TransferOwnership: lambda w: {"to_user_id": w.one(Membership, status="active").user_id},
    GrantParentRole: lambda w: {"user_id": w.one(Membership, status="active").user_id, "role_id": w.role("parent")},
    ChangeParentRole: lambda w: {"user_id": w.one(ParentMembership).user_id, "role_id": w.role("parent")},
    RevokeParentRole: lambda w: {"user_id": w.one(ParentMembership).user_id},
    GrantShare: lambda w: w.shared(new=True),
    ChangeShare: lambda w: w.shared(new=False),
    RevokeShare: lambda w: {k: v for k, v in w.shared(new=False).items() if k != "verbs"},
    AddTeam: _add_team,
    ChangeTeam: _change_team,
    DeleteTeam: lambda w: {"team_id": w.one(Team).pk},
    CopyRole: lambda w: {"based_on": Role.objects.get(pk=w.role()).key, "name": w.slug()},
    EditRole: _edit_role,
    DefineRoles: _define_roles,
    DeleteRole: lambda w: {"role_id": w.of(Role.objects.filter(account_id=w.account.pk)).pk},
    SwitchScheme: _switch,
    CreateBranch: lambda w: {"slug": w.slug(), "name": "New"},
    ChangeBranch: lambda w: {"branch_id": w.one(Branch, status="active").pk, "name": w.slug()},
    CloseBranch: lambda w: {
        "branch_id": w.one(Branch, status="active").pk,
        "records_to": w.rng.choice([None, w.one(Branch, status="active").pk]),
    },
    ReopenBranch: lambda w: {"branch_id": w.one(Branch, status="closed").pk},
    ChangeAccount: lambda w: {"name": w.slug()},
    ChangeDetails: lambda w: {"user_id": w.one(Membership, status="active").user_id, "name": w.slug()},
    ResetMfa: _reset_mfa,
    CloseAccount: lambda w: {"waiting": w.rng.choice([timedelta(0), timedelta(days=30)])},
    KeepAccount: lambda w: {},
    FinishClosing: lambda w: {},
    Entitle: _entitle,
    EnterPayment: _nothing_to_pay,
    CreditInvoice: _nothing_to_pay,
    RequestAccess: _request,
    ApproveRequest: lambda w: {"request_id": _open_request(w).pk, "expires_at": w.end()},
    DeclineRequest: lambda w: {"request_id": _open_request(w).pk},
    WithdrawRequest: _withdraw,
    Invite: _invite,
    CancelInvitation: lambda w: {"invitation_id": w.one(Invitation, status="pending").pk},
    ResendInvitation: lambda w: {"invitation_id": w.one(Invitation, status="pending").pk},
    AcceptInvitation: _accept,
}
