"""What each change makes of a world, and which change takes it back."""

from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from typing import TypeVar

from tests.conformance import tables
from tests.reference import kinds
from tests.reference.kinds import Change, InAccount
from tests.reference.state import (
    Account,
    Branch,
    Invitation,
    Override,
    OwnRole,
    ParentRole,
    Request,
    Share,
    Team,
    User,
    World,
    account_of,
    joined,
    member_of,
    own_role,
    parent_role_of,
    user_of,
)

Row = TypeVar("Row")


def _put(rows: frozenset[Row], row: Row, instead_of: Callable[[Row], bool]) -> frozenset[Row]:
    return frozenset({each for each in rows if not instead_of(each)} | {row})


def _without(rows: frozenset[Row], out: Callable[[Row], bool]) -> frozenset[Row]:
    return frozenset(each for each in rows if not out(each))


def _with_role(account: Account, user: str, branch: str, role: str) -> Account:
    members = {replace(row, role=role) if (row.user, row.branch) == (user, branch) else row for row in account.members}
    return replace(account, members=frozenset(members))


def _with_status(account: Account, user: str, branch: str, status: str) -> Account:
    members = {
        replace(row, status=status) if (row.user, row.branch) == (user, branch) else row for row in account.members
    }
    return replace(account, members=frozenset(members))


def _with_override(account: Account, new: Override) -> Account:
    place = (new.user, new.branch, new.permission)
    overrides = _put(account.overrides, new, lambda row: (row.user, row.branch, row.permission) == place)
    return replace(account, overrides=overrides)


def _with_user(world: World, name: str, **said: object) -> World:
    known = user_of(world, name) or User(name)
    changed = replace(known, **said)  # type: ignore[arg-type]
    return replace(world, users=_put(world.users, changed, lambda row: row.name == name))


def single_holders(account: Account) -> frozenset[tuple[str, str, str]]:
    """Who holds which single role where."""
    single = {key for key, role in tables.roles(account.scheme).items() if role.single}
    held = {(row.user, row.branch, row.role) for row in account.members if row.status == "active"}
    return frozenset(each for each in held if each[2] in single)


def invited_branches(account: Account, branches: Iterable[str] | None) -> list[str]:
    """The open branches that an invitation is to; None is all of them."""
    return account.open_branches if branches is None else sorted(set(branches) & set(account.open_branches))


def accepted(world: World, account: Account, user: str, role: str, branches: Iterable[str] | None) -> Account:
    """The account once the invited has come; where they are an active member already, they stay what they are."""
    free = [
        slug
        for slug in invited_branches(account, branches)
        if (row := member_of(account, user, slug)) is None or row.status != "active"
    ]
    return joined(account, user, role, free)


def _deleted(account: Account, user: str, branch: str) -> Account:
    """The account without a membership, and what hung on it: overrides, places in teams, shares."""
    here = {row.name for row in account.records if row.branch == branch}
    return replace(
        account,
        members=_without(account.members, lambda row: (row.user, row.branch) == (user, branch)),
        overrides=_without(account.overrides, lambda row: (row.user, row.branch) == (user, branch)),
        teams=frozenset(
            replace(row, members=row.members - {user}) if row.branch == branch else row for row in account.teams
        ),
        shares=_without(account.shares, lambda row: row.user == user and row.record in here),
    )


def _switched(account: Account, change: kinds.SwitchScheme) -> Account:
    becomes = dict(change.roles)
    members = {replace(row, role=becomes[row.role] or row.role) for row in account.members}
    parents = {ParentRole(row.user, role) for row in account.parent_roles if (role := becomes[row.role]) is not None}
    invited = {
        replace(row, role=becomes[row.role] or row.role) if row.status == "pending" else row
        for row in account.invitations
    }
    return replace(
        account,
        scheme=change.scheme,
        roles=frozenset(),
        members=frozenset(members),
        parent_roles=frozenset(parents),
        invitations=frozenset(invited),
    )


def _transferred(account: Account, change: kinds.TransferOwnership) -> Account:
    ((holder, branch, role),) = single_holders(account)
    return _with_role(_with_role(account, holder, branch, change.then), change.user, branch, role)


def _share(change: kinds.ShareChange) -> Callable[[Share], bool]:
    place = (change.record, change.user, change.team)
    return lambda row: (row.record, row.user, row.team) == place


def _account_after(world: World, account: Account, change: InAccount) -> Account:
    """The account as the change leaves it; what the change names is there."""
    match change:
        case kinds.ChangeRole():
            return _with_role(account, change.user, change.branch, change.role)
        case kinds.SetOverride():
            new = Override(change.user, change.branch, change.permission, change.scope, change.ends)
            return _with_override(account, new)
        case kinds.ClearOverride():
            place = (change.user, change.branch, change.permission)
            overrides = _without(account.overrides, lambda row: (row.user, row.branch, row.permission) == place)
            return replace(account, overrides=overrides)
        case kinds.RemoveMember() | kinds.Leave():
            return _with_status(account, change.user, change.branch, "removed")
        case kinds.RestoreMember():
            return _with_status(account, change.user, change.branch, "active")
        case kinds.DeleteMember():
            return _deleted(account, change.user, change.branch)
        case kinds.GrantParentRole() | kinds.ChangeParentRole():
            row = ParentRole(change.user, change.role)
            return replace(account, parent_roles=_put(account.parent_roles, row, lambda each: each.user == change.user))
        case kinds.RevokeParentRole():
            parents = _without(account.parent_roles, lambda each: each.user == change.user)
            return replace(account, parent_roles=parents)
        case kinds.GrantShare() | kinds.ChangeShare():
            share = Share(change.record, change.user, change.team, change.verbs)
            return replace(account, shares=_put(account.shares, share, _share(change)))
        case kinds.RevokeShare():
            return replace(account, shares=_without(account.shares, _share(change)))
        case kinds.AddToBranches():
            return joined(account, change.user, change.role, sorted(change.branches))
        case kinds.TransferOwnership():
            return _transferred(account, change)
        case kinds.SwitchScheme():
            return _switched(account, change)
    return _other_things_after(world, account, change)


def _other_things_after(world: World, account: Account, change: InAccount) -> Account:
    """The same for invitations, requests, own roles, teams, branches and the account itself."""
    match change:
        case kinds.Invite(key=key):
            invitation = Invitation(key, change.user, change.role, change.branches, None, world.now)
            return replace(account, invitations=account.invitations | {invitation})
        case kinds.ResendInvitation(key=key) | kinds.CancelInvitation(key=key) | kinds.AcceptInvitation(key=key):
            (old,) = (row for row in account.invitations if row.key == key)
            said: dict[str, object] = {"sent": world.now} if isinstance(change, kinds.ResendInvitation) else {}
            said |= {"status": "cancelled"} if isinstance(change, kinds.CancelInvitation) else {}
            if isinstance(change, kinds.AcceptInvitation):
                account = accepted(world, account, old.user, old.role, old.branches)
                said = {"status": "accepted"}
            invitation = replace(old, **said)  # type: ignore[arg-type]
            return replace(account, invitations=_put(account.invitations, invitation, lambda row: row.key == key))
        case kinds.RequestAccess(key=key):
            asked = Request(key, change.user, change.branch, change.permission, change.scope)
            return replace(account, requests=account.requests | {asked})
        case kinds.ApproveRequest(key=key) | kinds.DeclineRequest(key=key):
            (request,) = (row for row in account.requests if row.key == key)
            status = "approved" if isinstance(change, kinds.ApproveRequest) else "declined"
            decided = replace(request, status=status)
            account = replace(account, requests=_put(account.requests, decided, lambda row: row.key == key))
            if not isinstance(change, kinds.ApproveRequest):
                return account
            given = Override(request.user, request.branch, request.permission, request.scope, change.ends)
            return _with_override(account, given)
        case kinds.CopyRole(key=key):
            return replace(account, roles=account.roles | {OwnRole(key, change.based_on, change.grants)})
        case kinds.EditRole(key=key):
            roles = {replace(row, grants=change.grants) if row.key == key else row for row in account.roles}
            return replace(account, roles=frozenset(roles))
        case kinds.DeleteRole(key=key):
            return replace(account, roles=_without(account.roles, lambda row: row.key == key))
        case kinds.AddTeam() | kinds.ChangeTeam():
            team = Team(change.branch, change.team, change.members)
            place = (team.branch, team.slug)
            return replace(account, teams=_put(account.teams, team, lambda row: (row.branch, row.slug) == place))
        case kinds.DeleteTeam():
            name = f"{change.branch}/{change.team}"
            return replace(
                account,
                teams=_without(account.teams, lambda row: (row.branch, row.slug) == (change.branch, change.team)),
                shares=_without(account.shares, lambda row: row.team == name),
            )
        case kinds.CreateBranch():
            return replace(account, branches=account.branches | {Branch(change.branch)})
        case kinds.ChangeBranch() | kinds.CloseBranch():
            said = {"title": change.title} if isinstance(change, kinds.ChangeBranch) else {"status": "closed"}
            branches = {
                replace(row, **said) if row.slug == change.branch else row  # type: ignore[arg-type]
                for row in account.branches
            }
            return replace(account, branches=frozenset(branches))
        case kinds.CloseAccount():
            return replace(account, status="closing")
        case kinds.TakeBackClosing():
            return replace(account, status="active")
    return account


def after(world: World, change: Change, actor: str | None = None) -> World:
    """The world as the change leaves it; what the change names is there. The actor is kept as an inviter only."""
    match change:
        case kinds.DeactivateUser():
            return _with_user(world, change.user, active=False)
        case kinds.ReactivateUser():
            return _with_user(world, change.user, active=True)
        case kinds.ChangeDetails():
            return _with_user(world, change.user, details=change.details)
        case kinds.ResetMfa():
            return _with_user(world, change.user, mfa=False)
    assert isinstance(change, InAccount)
    account = account_of(world, change.account)
    assert account is not None
    left = _account_after(world, account, change)
    if isinstance(change, kinds.Invite):
        sent = {replace(row, inviter=actor) if row.key == change.key else row for row in left.invitations}
        left = replace(left, invitations=frozenset(sent))
    if isinstance(change, kinds.AcceptInvitation):
        (invitation,) = (row for row in account.invitations if row.key == change.key)
        world = _with_user(world, invitation.user)
    return replace(world, accounts=_put(world.accounts, left, lambda row: row.slug == change.account))


def rows(world: World, slug: str | None) -> frozenset[object]:
    """Every row of an account and of its users; with no account, the users alone."""
    account = None if slug is None else account_of(world, slug)
    if account is None:
        return frozenset(world.users)
    parts = [getattr(account, field.name) for field in fields(account)]
    own = [part for part in parts if isinstance(part, frozenset) and part is not account.features]
    head = (account.slug, account.scheme, account.status)
    return frozenset(world.users).union(*own) | {head}


def standing(world: World, change: Change) -> frozenset[object]:
    """What the change would take out or write anew, as it stands now: what its page showed."""
    slug = change.account if isinstance(change, InAccount) else None
    return rows(world, slug) - rows(after(world, change), slug)


def inverse(world: World, change: Change) -> Change | None:
    """The change that takes this one back, made in the world before; None where nothing does.

    It may name people who have left the branch since, and who can only be put back by an undo.
    """
    account = account_of(world, change.account) if isinstance(change, InAccount) else None
    match change:
        case kinds.DeactivateUser():
            return kinds.ReactivateUser(change.user)
        case kinds.ReactivateUser():
            return kinds.DeactivateUser(change.user)
    assert account is not None
    slug = account.slug
    match change:
        case kinds.ChangeRole():
            member = member_of(account, change.user, change.branch)
            return None if member is None else replace(change, role=member.role)
        case kinds.SetOverride() | kinds.ClearOverride():
            place = (slug, change.user, change.branch, change.permission)
            for row in account.overrides:
                if (slug, row.user, row.branch, row.permission) == place:
                    return kinds.SetOverride(*place, row.scope, row.ends)
            return kinds.ClearOverride(*place)
        case kinds.RemoveMember() | kinds.Leave():
            return kinds.RestoreMember(slug, change.user, change.branch)
        case kinds.RestoreMember():
            return kinds.RemoveMember(slug, change.user, change.branch)
        case kinds.ChangeDetails():
            person = user_of(world, change.user)
            return None if person is None else replace(change, details=person.details)
        case kinds.GrantParentRole():
            return kinds.RevokeParentRole(slug, change.user)
        case kinds.ChangeParentRole():
            held = parent_role_of(account, change.user)
            return None if held is None else replace(change, role=held.role)
        case kinds.RevokeParentRole():
            held = parent_role_of(account, change.user)
            return None if held is None else kinds.GrantParentRole(slug, change.user, held.role)
        case kinds.GrantShare():
            return kinds.RevokeShare(slug, change.record, change.user, change.team)
        case kinds.ChangeShare() | kinds.RevokeShare():
            ((share),) = filter(_share(change), account.shares)
            again = kinds.ChangeShare if isinstance(change, kinds.ChangeShare) else kinds.GrantShare
            return again(slug, share.record, share.user, share.team, share.verbs)
        case kinds.TransferOwnership():
            ((holder, branch, _),) = single_holders(account)
            member = member_of(account, change.user, branch)
            return None if member is None else kinds.TransferOwnership(slug, holder, member.role)
        case kinds.CopyRole():
            return kinds.DeleteRole(slug, change.key)
        case kinds.EditRole() | kinds.DeleteRole():
            role = own_role(account, change.key)
            assert role is not None
            if isinstance(change, kinds.EditRole):
                return replace(change, grants=role.grants)
            return kinds.CopyRole(slug, role.key, role.based_on, role.grants)
        case kinds.AddTeam():
            return kinds.DeleteTeam(slug, change.branch, change.team)
        case kinds.ChangeTeam():
            (team,) = (row for row in account.teams if (row.branch, row.slug) == (change.branch, change.team))
            return replace(change, members=team.members)
        case kinds.ChangeBranch():
            (old,) = (row for row in account.branches if row.slug == change.branch)
            return replace(change, title=old.title)
        case kinds.CloseAccount():
            return kinds.TakeBackClosing(slug)
        case kinds.TakeBackClosing():
            return kinds.CloseAccount(slug)
    return None
