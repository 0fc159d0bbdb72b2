"""A world of the reference in the database, and its changes as the engine's: the two have nothing else in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from allauth.mfa.models import Authenticator

from apps.access import shares
from apps.access.handover import Delete, HandOverPlan
from apps.access.models import AccessRequest, OperatorSession, Override
from apps.access.policy import may
from apps.access.records import Record, model_of
from apps.accounts.models import Account, Branch, User
from apps.changes import (
    accounts,
    branches,
    custom_roles,
    details,
    invitations,
    members,
    overrides,
    parent_roles,
    removal,
    requests,
    second_factor,
    sharing,
    switching,
    teams,
    transfer,
)
from apps.changes.base import ChangeResult
from apps.roles.models import Role, RoleGrant
from apps.roles.scopes import Scope
from apps.teams.models import Invitation, Membership, ParentMembership, Team, TeamMember
from tests.factories import published
from tests.reference import kinds, state

WEEK = timedelta(days=7)
NOTHING = HandOverPlan({}, Delete())


class Applicable(Protocol):
    """What the engine makes of a change."""

    def apply(self, *, actor: User | None, reason: str) -> ChangeResult: ...


class NotBuilt(Exception):
    """The engine has no such change."""


@dataclass
class Stage:
    """Where the rows of a world lie in the database."""

    world: state.World
    users: dict[str, User] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    branches: dict[tuple[str, str], Branch] = field(default_factory=dict)
    roles: dict[tuple[str, str], Role] = field(default_factory=dict)
    members: dict[tuple[str, str, str], Membership] = field(default_factory=dict)
    teams: dict[tuple[str, str], Team] = field(default_factory=dict)
    records: dict[tuple[str, str], Record] = field(default_factory=dict)
    invitations: dict[tuple[str, str], list[Invitation]] = field(default_factory=dict)
    requests: dict[tuple[str, str], AccessRequest] = field(default_factory=dict)

    def user(self, name: str | None) -> User | None:
        """The user of that name, made where the world does not know them yet."""
        if name is None:
            return None
        if name not in self.users:
            known = state.user_of(self.world, name)
            self.users[name] = User.objects.create(
                email=name if "@" in name else f"{name}@cases.example",
                name=name,
                is_active=known is None or known.active,
                is_superuser=known is not None and known.superuser,
            )
            if known is not None and known.mfa:
                Authenticator.objects.create(user=self.users[name], type=Authenticator.Type.TOTP, data={})
            if known is not None and known.superuser:
                now = self.world.now
                OperatorSession.objects.create(
                    user=self.users[name], reason="x", opened_at=now, expires_at=now + timedelta(hours=1)
                )
        return self.users[name]

    def person(self, name: str) -> User:
        """The same, of somebody who is named."""
        found = self.user(name)
        assert found is not None
        return found

    def hides(self, account: str, record: str, actor: str | None) -> bool:
        """Whether somebody may not view a record."""
        found = self.records[account, record]
        return actor is not None and not may(self.person(actor), f"view_{found.record_type}", found)

    def role(self, account: str, key: str) -> Role:
        """A role of the account: its own, or its scheme's."""
        own = self.roles.get((account, key))
        return own or published(self.accounts[account].scheme, key)


def scope_of(reaches: frozenset[str]) -> Scope:
    """The engine's scope of these reaches."""
    return Scope.parse(sorted(reaches))


def staged(world: state.World) -> Stage:
    """The world written into the database."""
    stage = Stage(world)
    for user in sorted(world.users, key=lambda each: each.name):
        stage.user(user.name)
    for account in sorted(world.accounts, key=lambda each: each.slug):
        _account(stage, account)
    return stage


def _account(stage: Stage, row: state.Account) -> None:
    account = Account.objects.create(
        slug=row.slug,
        name=row.slug.title(),
        scheme=row.scheme,
        status=row.status,
        features=None if row.features is None else sorted(row.features),
        closes_at=stage.world.now + timedelta(days=30) if row.status == "closing" else None,
    )
    slug = row.slug
    stage.accounts[slug] = account
    for branch in sorted(row.branches, key=lambda each: each.slug):
        stage.branches[slug, branch.slug] = Branch.objects.create(
            account=account, slug=branch.slug, name=branch.title or branch.slug, status=branch.status
        )
    for own in row.roles:
        stage.roles[slug, own.key] = _own_role(account, own)
    for member in sorted(row.members, key=lambda each: (each.user, each.branch)):
        stage.members[slug, member.user, member.branch] = Membership.objects.create(
            account=account,
            branch=stage.branches[slug, member.branch],
            user=stage.person(member.user),
            role=stage.role(slug, member.role),
            status=member.status,
            removed_at=stage.world.now if member.status == "removed" else None,
        )
    for parent in row.parent_roles:
        ParentMembership.objects.create(
            account=account, user=stage.person(parent.user), role=published(row.scheme, parent.role)
        )
    for override in row.overrides:
        Override.objects.create(
            account=account,
            branch=stage.branches[slug, override.branch],
            user=stage.person(override.user),
            permission=override.permission,
            scope=scope_of(override.scope),
            reason="x",
            expires_at=override.ends,
        )
    _things(stage, account, row)


def _own_role(account: Account, row: state.OwnRole) -> Role:
    base = published(account.scheme, row.based_on)
    role = Role.objects.create(
        scheme=account.scheme,
        key=row.key,
        name=row.key.title(),
        kind=base.kind,
        rank=base.rank,
        account_id=account.pk,
        based_on=base,
    )
    stated = {codename: scope_of(scope) for codename, scope in row.grants}
    RoleGrant.objects.bulk_create(
        RoleGrant(
            role=role,
            permission=codename,
            scope=stated.get(codename, grant.scope) if grant.grantable else grant.scope,
            grantable=grant.grantable,
        )
        for codename, grant in account.role_system.roles[row.based_on].grants.items()
    )
    return role


def _things(stage: Stage, account: Account, row: state.Account) -> None:
    slug = row.slug
    for team in row.teams:
        made = Team.objects.create(
            account=account, branch=stage.branches[slug, team.branch], slug=team.slug, name=team.slug
        )
        stage.teams[slug, f"{team.branch}/{team.slug}"] = made
        for user in sorted(team.members):
            TeamMember.objects.create(account=account, team=made, user=stage.person(user))
    for record in sorted(row.records, key=lambda each: each.name):
        table: Any = model_of(record.kind)
        stage.records[slug, record.name] = table._default_manager.create(
            account=account,
            branch=stage.branches[slug, record.branch],
            reference=record.ref,
            name=record.ref,
            created_by=stage.user(record.creator),
            responsible=stage.user(record.responsible),
            **({"private": True} if record.private else {}),
        )
    for share in row.shares:
        _share(stage, account, share)
    for request in row.requests:
        stage.requests[slug, request.key] = AccessRequest.objects.create(
            account=account,
            branch=stage.branches[slug, request.branch],
            user=stage.person(request.user),
            permission=request.permission,
            scope=scope_of(request.scope),
            message="x",
            status=request.status,
            decided_at=None if request.status == "open" else stage.world.now,
        )
    for invitation in row.invitations:
        stage.invitations[slug, invitation.key] = _invitations(stage, account, invitation)


def _share(stage: Stage, account: Account, row: state.Share) -> None:
    record = stage.records[account.slug, row.record]
    tables = shares.tables(record.record_type)
    assert tables is not None
    holder: Mapping[str, Any] = (
        {"user": stage.person(row.user)}
        if row.user is not None
        else {"group": stage.teams[account.slug, str(row.team)].group}
    )
    for verb in row.verbs:
        tables[row.user is None]._default_manager.create(
            account=account,
            content_object=record,
            permission_id=shares.permission_id(f"{verb}_{record.record_type}"),
            reason="x",
            **holder,
        )


def _invitations(stage: Stage, account: Account, row: state.Invitation) -> list[Invitation]:
    """One for each branch that is named, as the engine has them, or one to all."""
    places: list[str | None] = [None] if row.branches is None else [*sorted(row.branches)]
    user = stage.person(row.user)
    ended = {"ended_at": None if row.status == "pending" else stage.world.now}
    return [
        Invitation.objects.create(
            account=account,
            branch=None if place is None else stage.branches[account.slug, place],
            role=stage.role(account.slug, row.role),
            email=user.email,
            status=row.status,
            token_digest=invitations.digest_of(f"{row.key} {place}"),
            invited_by=stage.user(row.inviter),
            created_at=row.sent,
            sent_at=row.sent,
            expires_at=row.sent + WEEK,
            user=user if row.status == "accepted" else None,
            **ended,
        )
        for place in places
    ]


def engine_change(stage: Stage, change: kinds.Change) -> Applicable:
    """The engine's change for the reference's.

    Raises:
        NotBuilt: it has none.
    """
    if isinstance(change, kinds.DeactivateUser):
        return details.DeactivateUser(user_id=stage.person(change.user).pk)
    if isinstance(change, kinds.ReactivateUser):
        return details.ActivateUser(user_id=stage.person(change.user).pk)
    assert isinstance(change, kinds.InAccount)
    account = {"account_id": stage.accounts[change.account].pk}
    if isinstance(change, kinds.OnBranch):
        return _on_branch(stage, change, account)
    if isinstance(change, kinds.ShareChange):
        return _of_share(stage, change, account)
    return _of_account(stage, change, account)


def _on_branch(stage: Stage, change: kinds.OnBranch, account: dict[str, Any]) -> Applicable:
    slug, user = change.account, stage.person(change.user)
    branch_id = stage.branches[slug, change.branch].pk
    member = stage.members.get((slug, change.user, change.branch))
    membership: dict[str, Any] = {"membership_id": 0 if member is None else member.pk}
    match change:
        case kinds.ChangeRole(role=role):
            return members.ChangeRole(**account, **membership, role_id=stage.role(slug, role).pk)
        case kinds.SetOverride():
            return overrides.SetOverride(
                **account,
                **membership,
                permission=change.permission,
                scope=scope_of(change.scope),
                expires_at=change.ends,
            )
        case kinds.ClearOverride():
            return overrides.ClearOverride(**account, **membership, permission=change.permission)
        case kinds.RemoveMember():
            return removal.RemoveMember(**account, user_id=user.pk, branch_id=branch_id, removal_plan=NOTHING)
        case kinds.RestoreMember():
            return removal.RestoreMember(**account, user_id=user.pk, branch_id=branch_id)
        case kinds.DeleteMember():
            return removal.DeleteMember(**account, user_id=user.pk, branch_id=branch_id)
        case kinds.Leave():
            return removal.Leave(**account, branch_id=branch_id, removal_plan=NOTHING)
        case kinds.ChangeDetails():
            return details.ChangeDetails(**account, user_id=user.pk, name=change.details)
        case kinds.ResetMfa():
            return second_factor.ResetMfa(**account, user_id=user.pk)
        case kinds.RequestAccess():
            return requests.RequestAccess(
                **account, branch_id=branch_id, permission=change.permission, scope=scope_of(change.scope)
            )
    raise NotBuilt(type(change).__name__)


def _of_share(stage: Stage, change: kinds.ShareChange, account: dict[str, Any]) -> Applicable:
    record = stage.records[change.account, change.record]
    team = None if change.team is None else stage.teams[change.account, change.team].pk
    place: dict[str, Any] = {
        **account,
        "record_type": record.record_type,
        "record_id": record.pk,
        "user_id": None if change.user is None else stage.person(change.user).pk,
        "team_id": team,
    }
    match change:
        case kinds.GrantShare():
            return sharing.GrantShare(**place, verbs=change.verbs)
        case kinds.ChangeShare():
            return sharing.ChangeShare(**place, verbs=change.verbs)
    return sharing.RevokeShare(**place)


def _of_account(stage: Stage, change: kinds.InAccount, account: dict[str, Any]) -> Applicable:
    slug = change.account
    match change:
        case kinds.GrantParentRole():
            return parent_roles.GrantParentRole(
                **account, user_id=stage.person(change.user).pk, role_id=stage.role(slug, change.role).pk
            )
        case kinds.ChangeParentRole():
            return parent_roles.ChangeParentRole(
                **account, user_id=stage.person(change.user).pk, role_id=stage.role(slug, change.role).pk
            )
        case kinds.RevokeParentRole():
            return parent_roles.RevokeParentRole(**account, user_id=stage.person(change.user).pk)
        case kinds.Invite() if change.branches is None or len(change.branches) == 1:
            return invitations.Invite(
                **account,
                email=stage.person(change.user).email,
                role_id=stage.role(slug, change.role).pk,
                branch_id=None if change.branches is None else stage.branches[slug, min(change.branches)].pk,
            )
        case kinds.ResendInvitation(key=key) if len(stage.invitations[slug, key]) == 1:
            return invitations.ResendInvitation(**account, invitation_id=stage.invitations[slug, key][0].pk)
        case kinds.CancelInvitation(key=key) if len(stage.invitations[slug, key]) == 1:
            return invitations.CancelInvitation(**account, invitation_id=stage.invitations[slug, key][0].pk)
        case kinds.AcceptInvitation(key=key) if len(stage.invitations[slug, key]) == 1:
            place = stage.invitations[slug, key][0].branch
            return invitations.AcceptInvitation(**account, token=f"{key} {None if place is None else place.slug}")
        case kinds.AddToBranches() if len(change.branches) == 1:
            return members.AddToBranch(
                **account,
                user_id=stage.person(change.user).pk,
                branch_id=stage.branches[slug, min(change.branches)].pk,
                role_id=stage.role(slug, change.role).pk,
            )
        case kinds.TransferOwnership():
            return transfer.TransferOwnership(
                **account,
                to_user_id=stage.person(change.user).pk,
                previous_role_id=stage.role(slug, change.then).pk,
            )
        case kinds.ApproveRequest(key=key):
            return requests.ApproveRequest(**account, request_id=stage.requests[slug, key].pk, expires_at=change.ends)
        case kinds.DeclineRequest(key=key):
            return requests.DeclineRequest(**account, request_id=stage.requests[slug, key].pk)
    return _of_things(stage, change, account)


def _of_things(stage: Stage, change: kinds.InAccount, account: dict[str, Any]) -> Applicable:
    slug = change.account
    match change:
        case kinds.CopyRole():
            grants = {name: scope_of(scope) for name, scope in change.grants}
            return custom_roles.CopyRole(
                **account, based_on=change.based_on, name="Copied", key=change.key, grants=grants
            )
        case kinds.EditRole():
            grants = {name: scope_of(scope) for name, scope in change.grants}
            return custom_roles.EditRole(**account, role_id=stage.role(slug, change.key).pk, grants=grants)
        case kinds.DeleteRole():
            return custom_roles.DeleteRole(**account, role_id=stage.role(slug, change.key).pk)
        case kinds.SwitchScheme():
            return switching.SwitchScheme(**account, scheme=change.scheme, roles=dict(change.roles))
        case kinds.AddTeam():
            return teams.AddTeam(
                **account,
                branch_id=stage.branches[slug, change.branch].pk,
                slug=change.team,
                name=change.team,
                user_ids=tuple(stage.person(user).pk for user in sorted(change.members)),
            )
        case kinds.ChangeTeam():
            return teams.ChangeTeam(
                **account,
                team_id=stage.teams[slug, f"{change.branch}/{change.team}"].pk,
                user_ids=frozenset(stage.person(user).pk for user in change.members),
            )
        case kinds.DeleteTeam():
            return teams.DeleteTeam(**account, team_id=stage.teams[slug, f"{change.branch}/{change.team}"].pk)
        case kinds.CreateBranch():
            return branches.CreateBranch(**account, slug=change.branch, name=change.branch)
        case kinds.ChangeBranch():
            return branches.ChangeBranch(**account, branch_id=stage.branches[slug, change.branch].pk, name=change.title)
        case kinds.CloseBranch():
            return branches.CloseBranch(**account, branch_id=stage.branches[slug, change.branch].pk)
        case kinds.CloseAccount():
            return accounts.CloseAccount(**account)
        case kinds.TakeBackClosing():
            return accounts.KeepAccount(**account)
    raise NotBuilt(type(change).__name__)
