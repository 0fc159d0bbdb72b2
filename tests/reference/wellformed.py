"""Whether what a change names is there, in the state that the change starts from."""

from datetime import datetime, timedelta

from tests.conformance import tables
from tests.conformance.tables import CATALOGUE, Reaches
from tests.reference import kinds
from tests.reference.effects import invited_branches, single_holders
from tests.reference.kinds import Change, InAccount
from tests.reference.state import (
    Account,
    World,
    account_of,
    active_member,
    member_of,
    own_role,
    parent_role_of,
    record_of,
    role_of,
    team_of,
    user_of,
)

VALID = timedelta(days=7)


def is_possible(world: World, actor: str | None, change: Change) -> bool:
    """False, where the guards have nothing to judge."""
    if isinstance(change, kinds.DeactivateUser | kinds.ReactivateUser):
        person = user_of(world, change.user)
        return person is not None and person.active == isinstance(change, kinds.DeactivateUser)
    assert isinstance(change, InAccount)
    account = account_of(world, change.account)
    if account is None:
        return False
    if isinstance(change, kinds.OnBranch):
        return change.branch in account.open_branches and _on_branch(world, account, actor, change)
    if isinstance(change, kinds.GrantShare | kinds.ChangeShare | kinds.RevokeShare):
        return _share(account, change)
    return _of_people(world, account, actor, change) and _of_things(account, change)


def _is_role(account: Account, key: str, kind: str) -> bool:
    role = role_of(account, key)
    return role is not None and role.kind == kind


def _fits(permission: str, scope: Reaches) -> bool:
    return permission in CATALOGUE and (CATALOGUE[permission].target == "record" or scope <= {"all"})


def _is_to_come(world: World, ends: datetime | None) -> bool:
    return ends is None or ends > world.now


def _on_branch(world: World, account: Account, actor: str | None, change: kinds.OnBranch) -> bool:
    if isinstance(change, kinds.RestoreMember | kinds.DeleteMember):
        member = member_of(account, change.user, change.branch)
        return member is not None and member.status == "removed"
    if active_member(account, change.user, change.branch) is None:
        return False
    match change:
        case kinds.ChangeRole():
            return _is_role(account, change.role, "branch")
        case kinds.SetOverride():
            return _fits(change.permission, change.scope) and _is_to_come(world, change.ends)
        case kinds.ClearOverride():
            place = (change.user, change.branch, change.permission)
            return any((row.user, row.branch, row.permission) == place for row in account.overrides)
        case kinds.RequestAccess():
            free = all(row.key != change.key for row in account.requests)
            return actor == change.user and free and _fits(change.permission, change.scope)
        case kinds.Leave():
            return actor == change.user
    return True


def _share(account: Account, change: kinds.GrantShare | kinds.ChangeShare | kinds.RevokeShare) -> bool:
    record = record_of(account, change.record)
    if record is None or record.branch not in account.open_branches or record.kind == "activity" or record.private:
        return False
    place = (change.record, change.user, change.team)
    exists = any((row.record, row.user, row.team) == place for row in account.shares)
    if isinstance(change, kinds.RevokeShare):
        return exists
    if change.user is not None:
        subject = change.team is None and active_member(account, change.user, record.branch) is not None
    else:
        team = team_of(account, change.team or "")
        subject = team is not None and team.branch == record.branch
    verbs = bool(change.verbs) and {f"{verb}_{record.kind}" for verb in change.verbs} <= CATALOGUE.keys()
    return subject and verbs and exists == isinstance(change, kinds.ChangeShare)


def _of_people(world: World, account: Account, actor: str | None, change: InAccount) -> bool:
    """Parent roles, invitations, requests and who is where."""
    match change:
        case kinds.GrantParentRole():
            known = any(active_member(account, change.user, slug) for slug in account.open_branches)
            return known and parent_role_of(account, change.user) is None and _is_role(account, change.role, "parent")
        case kinds.ChangeParentRole():
            return parent_role_of(account, change.user) is not None and _is_role(account, change.role, "parent")
        case kinds.RevokeParentRole():
            return parent_role_of(account, change.user) is not None
        case kinds.Invite():
            free = all(row.key != change.key for row in account.invitations)
            branches = set(account.open_branches if change.branches is None else change.branches)
            new = any(active_member(account, change.user, slug) is None for slug in branches)
            return free and new and branches <= {*account.open_branches} and _is_role(account, change.role, "branch")
        case kinds.ResendInvitation() | kinds.CancelInvitation() | kinds.AcceptInvitation():
            pending = [row for row in account.invitations if row.key == change.key and row.status == "pending"]
            if not pending or not isinstance(change, kinds.AcceptInvitation):
                return bool(pending)
            (found,) = pending
            there = bool(invited_branches(account, found.branches)) and _is_role(account, found.role, "branch")
            return there and actor == found.user and world.now < found.sent + VALID
        case kinds.AddToBranches():
            known = parent_role_of(account, change.user) is not None or any(
                active_member(account, change.user, slug) for slug in account.open_branches
            )
            free = not any(active_member(account, change.user, slug) for slug in change.branches)
            open_ones = bool(change.branches) and change.branches <= {*account.open_branches}
            return known and free and open_ones and _is_role(account, change.role, "branch")
        case kinds.TransferOwnership():
            return _transfer(account, change)
        case kinds.ApproveRequest(key=key):
            asked = [row for row in account.requests if row.key == key and row.status == "open"]
            there = any(active_member(account, row.user, row.branch) is not None for row in asked)
            return there and _is_to_come(world, change.ends)
        case kinds.DeclineRequest(key=key):
            return any(row.key == key and row.status == "open" for row in account.requests)
    return True


def _transfer(account: Account, change: kinds.TransferOwnership) -> bool:
    held = single_holders(account)
    then = role_of(account, change.then)
    if len(held) != 1 or then is None or then.kind != "branch" or then.single:
        return False
    ((holder, branch, _),) = held
    return holder != change.user and active_member(account, change.user, branch) is not None


def _of_things(account: Account, change: InAccount) -> bool:
    """Own roles, the scheme, teams, branches and the account."""
    published = tables.roles(account.scheme)
    match change:
        case kinds.CopyRole():
            known = change.based_on in published and all(_fits(*grant) for grant in change.grants)
            return known and own_role(account, change.key) is None
        case kinds.EditRole():
            known = change.key in published or own_role(account, change.key) is not None
            return known and all(_fits(*grant) for grant in change.grants)
        case kinds.DeleteRole():
            held = {row.role for row in account.members}
            held |= {row.role for row in account.invitations if row.status == "pending"}
            return change.key in published or (own_role(account, change.key) is not None and change.key not in held)
        case kinds.SwitchScheme():
            return _switch(account, change)
        case kinds.AddTeam() | kinds.ChangeTeam():
            team = team_of(account, f"{change.branch}/{change.team}")
            before = frozenset() if team is None else team.members
            new = change.members - before
            there = change.branch in account.open_branches and (team is None) == isinstance(change, kinds.AddTeam)
            return there and all(active_member(account, user, change.branch) for user in new)
        case kinds.DeleteTeam():
            return (
                change.branch in account.open_branches
                and team_of(account, f"{change.branch}/{change.team}") is not None
            )
        case kinds.CreateBranch():
            free = all(row.slug != change.branch for row in account.branches)
            return free and tables.rules(account.scheme)["many_branches"]
        case kinds.ChangeBranch() | kinds.CloseBranch():
            return change.branch in account.open_branches
        case kinds.CloseAccount():
            return account.status == "active"
        case kinds.TakeBackClosing():
            return account.status == "closing"
    return True


def _switch(account: Account, change: kinds.SwitchScheme) -> bool:
    """Every held role becomes a role of the same kind in the new scheme, which has room for the branches."""
    if change.scheme not in tables.SCHEMES or change.scheme == account.scheme:
        return False
    becomes, new = dict(change.roles), tables.roles(change.scheme)
    branch_roles = {row.role for row in account.members}
    branch_roles |= {row.role for row in account.invitations if row.status == "pending"}
    parents = {row.role for row in account.parent_roles}
    room = len(account.open_branches) == 1 or tables.rules(change.scheme)["many_branches"]
    return (
        room
        and branch_roles | parents <= becomes.keys()
        and all((new_role := becomes[role]) in new and new[new_role or ""].kind == "branch" for role in branch_roles)
        and all(
            (new_role := becomes[role]) is None or (new_role in new and new[new_role].kind == "parent")
            for role in parents
        )
    )
