"""Each guard of section 6, asked of one possible change. How what the law leaves open is read, ``changes`` says."""

from dataclasses import replace
from datetime import datetime

from tests.conformance import tables
from tests.conformance.tables import CATALOGUE
from tests.reference import kinds, model
from tests.reference.as_files import files
from tests.reference.effects import accepted, after, invited_branches, single_holders, standing
from tests.reference.kinds import Change, InAccount, OnBranch, ParentChange, ShareChange
from tests.reference.model import ALL
from tests.reference.powers import (
    ACCOUNT_LEVEL,
    Position,
    contributed,
    exceeding,
    gained,
    holds,
    position,
    powers,
    scopes,
    within,
)
from tests.reference.state import (
    Account,
    Invitation,
    Request,
    World,
    account_of,
    active_member,
    grantable,
    member_of,
    own_role,
    record_of,
    role_of,
    team_of,
    user_of,
)

ON_BRANCH = {
    kinds.ChangeRole: "change_roles",
    kinds.SetOverride: "manage_member_permissions",
    kinds.ClearOverride: "manage_member_permissions",
    kinds.RemoveMember: "remove_members",
    kinds.RestoreMember: "remove_members",
    kinds.DeleteMember: "remove_members",
    kinds.ChangeDetails: "change_members",
    kinds.ResetMfa: "reset_mfa",
}
PARENT = {
    kinds.GrantParentRole: "grant_parent_roles",
    kinds.ChangeParentRole: "change_parent_roles",
    kinds.RevokeParentRole: "revoke_parent_roles",
}
SHARE = {
    kinds.GrantShare: "grant_record_access",
    kinds.ChangeShare: "change_record_access",
    kinds.RevokeShare: "revoke_record_access",
}
ON_ACCOUNT = {
    kinds.AddToBranches: "add_to_branches",
    kinds.TransferOwnership: "transfer_account",
    kinds.CopyRole: "manage_roles",
    kinds.EditRole: "manage_roles",
    kinds.DeleteRole: "manage_roles",
    kinds.CreateBranch: "add_branch",
    kinds.CloseAccount: "delete_account",
    kinds.TakeBackClosing: "delete_account",
}


def outcome(world: World, change: Change) -> World:
    """The world by which a change is judged: afterwards, and for an invitation, once it is accepted."""
    if not isinstance(change, kinds.Invite | kinds.ResendInvitation):
        return after(world, change)
    account = account_of(world, change.account)
    assert account is not None
    asked = change if isinstance(change, kinds.Invite) else _invitation(account, change.key)
    joined = accepted(world, account, asked.user, asked.role, asked.branches)
    return replace(world, accounts=(world.accounts - {account}) | {joined})


def _invitation(account: Account, key: str) -> Invitation:
    return next(row for row in account.invitations if row.key == key)


def _request(account: Account, key: str) -> Request:
    return next(row for row in account.requests if row.key == key)


class Case:
    """A possible change by somebody, and each guard's answer: True where it lets the change pass."""

    def __init__(self, world: World, actor: str | None, change: Change) -> None:
        self.world, self.change, self.actor = world, change, actor
        slugs = {change.account} if isinstance(change, InAccount) else {each.slug for each in world.accounts}
        self.accounts = [each for each in world.accounts if each.slug in slugs]
        self.account = self.accounts[0]
        self.then = outcome(world, change)
        if isinstance(change, kinds.AcceptInvitation):
            self.actor = _invitation(self.account, change.key).inviter
        person = user_of(world, self.actor)
        self.operator = self.actor is None or (person is not None and person.active and person.superuser)
        self.people = frozenset(self._people())

    def _people(self) -> set[str]:
        """Whose role, overrides, parent role, shares, membership, details or MFA the change is about."""
        change = self.change
        match change:
            case kinds.Leave() | kinds.RequestAccess():
                return set()
            case OnBranch() | ParentChange() | kinds.AddToBranches() | kinds.TransferOwnership() | kinds.Invite():
                return {change.user}
            case ShareChange(user=user):
                return set() if user is None else {user}
            case kinds.ResendInvitation() | kinds.AcceptInvitation():
                return {_invitation(self.account, change.key).user}
            case kinds.ApproveRequest():
                return {_request(self.account, change.key).user}
            case kinds.EditRole() if own_role(self.account, change.key) is not None:
                return {row.user for row in self.account.members if row.role == change.key}
        return set()

    # The guards

    def oneself(self) -> bool:
        change, account = self.change, self.account
        if isinstance(change, kinds.Leave):
            return account.scheme != "onepagecrm"
        if isinstance(change, kinds.DeclineRequest):
            return self.actor != _request(account, change.key).user
        if isinstance(change, kinds.ChangeDetails | ShareChange):
            return True
        return self.actor not in self.people

    def right(self) -> bool:
        change = self.change
        if isinstance(change, kinds.AcceptInvitation) and not self._is_present(*self.people):
            return False
        if self.operator:
            return True
        match change:
            case kinds.Leave(user=user) | kinds.RequestAccess(user=user):
                return self._is_present(user)
            case kinds.ChangeDetails(user=user) if user == self.actor:
                return self._is_present(user)
            case OnBranch():
                return self._has(ON_BRANCH[type(change)], change.branch)
            case ParentChange():
                return self._has(PARENT[type(change)]) or self._has("administer_parent_roles")
            case ShareChange(record=record):
                return self._may(SHARE[type(change)], record, self.world.now)
            case kinds.Invite(branches=branches):
                return self._may_invite(branches)
            case kinds.ResendInvitation() | kinds.CancelInvitation() | kinds.AcceptInvitation():
                return self._may_invite(_invitation(self.account, change.key).branches)
            case kinds.ApproveRequest() | kinds.DeclineRequest():
                return self._has("manage_member_permissions", _request(self.account, change.key).branch)
            case kinds.AddTeam() | kinds.ChangeTeam() | kinds.DeleteTeam():
                return self._has("manage_teams", change.branch)
            case kinds.ChangeBranch():
                return self._has("change_branch", change.branch)
            case kinds.CloseBranch():
                return self._has("delete_branch", change.branch)
            case kinds.SwitchScheme():
                return self._has("change_account") and self._has_everything()
            case kinds.DeactivateUser() | kinds.ReactivateUser():
                return False
        return self._has(ON_ACCOUNT[type(change)])

    def shield(self) -> bool:
        if self.operator or not tables.rules(self.account.scheme)["shield"]:
            return True
        shielded = {user for user, _, _ in single_holders(self.account)}
        return not (self.people & shielded) - {self.actor}

    def published(self) -> bool:
        published = tables.roles(self.account.scheme)
        if isinstance(self.change, kinds.SwitchScheme):
            return True
        allowed = self._own_roles_are_allowed()
        match self.change:
            case kinds.CopyRole(based_on=base):
                copied = published[base]
                return allowed and self.change.key not in published and copied.kind == "branch" and not copied.locked
            case kinds.EditRole() | kinds.DeleteRole():
                return allowed and self.change.key not in published
        return allowed or not self._newly_own()

    def single(self) -> bool:
        if isinstance(self.change, kinds.TransferOwnership):
            return True
        if isinstance(self.change, kinds.SwitchScheme):
            held = single_holders(self._account_then(self.account))
            return len({role for _, _, role in held}) == len(held)
        return all(single_holders(each) == single_holders(self._account_then(each)) for each in self.accounts)

    def locked(self) -> bool:
        account, change = self.account, self.change
        match change:
            case kinds.SetOverride() | kinds.RequestAccess():
                return self._takes_override(change.user, change.branch, change.permission)
            case kinds.ApproveRequest():
                asked = _request(account, change.key)
                return self._takes_override(asked.user, asked.branch, asked.permission)
            case kinds.CopyRole() | kinds.EditRole():
                own = own_role(account, change.key)
                base = change.based_on if isinstance(change, kinds.CopyRole) else own.based_on if own else ""
                return all(grantable(account, base, name) for name, scope in change.grants if scope)
        return True

    def ladder(self) -> bool:
        if isinstance(self.change, kinds.TransferOwnership | kinds.SwitchScheme):
            return True
        account = self.account
        if not tables.rules(account.scheme)["up_only"]:
            return True
        then = self._account_then(account)
        return all(
            (new := member_of(then, row.user, row.branch)) is None
            or self._rank(account, new.role) >= self._rank(account, row.role)
            for row in account.members
        )

    def above(self) -> bool:
        if self.operator:
            return True
        if isinstance(self.change, ParentChange) and self._has("administer_parent_roles"):
            return True
        return not any(
            self._exceeds(user, slug) for user in self.people - {self.actor} for slug in self._branches_of(user)
        )

    def escalation(self) -> bool:
        if self.operator:
            return True
        return all(self._gives_only_its_own(each) for each in self.accounts) and self._shares_only_its_own()

    def fresh(self) -> bool:
        return self.change.seen is None or self.change.seen == standing(self.world, self.change)

    def last_keeper(self) -> bool:
        then = after(self.world, self.change)
        return all(self._keeps(each, then) for each in self.accounts)

    # What they ask

    def _exceeds(self, user: str, branch: str | None) -> bool:
        now = self.world.now
        theirs, own = (powers(self.account, each, branch, now) for each in (user, self.actor or ""))
        return not exceeding(theirs, own).isdisjoint(ACCOUNT_LEVEL if branch is None else CATALOGUE)

    def _account_then(self, account: Account) -> Account:
        found = account_of(self.then, account.slug)
        assert found is not None
        return found

    def _has(self, permission: str, branch: str | None = None) -> bool:
        return holds(self.world, self.account, self.actor, permission, branch)

    def _may_invite(self, branches: frozenset[str] | None) -> bool:
        slugs = invited_branches(self.account, branches) or branches or ()
        return bool(slugs) and all(self._has("invite_members", slug) for slug in slugs)

    def _is_present(self, user: str) -> bool:
        person = user_of(self.world, user)
        return (person is None or person.active) and self.account.status != "closed"

    def _may(self, permission: str, record: str, at: datetime) -> bool:
        name = record.replace("/", f":{self.account.slug}/", 1)
        return self.actor is not None and model.may(files(self.world, at), self.actor, permission, name)

    def _has_everything(self) -> bool:
        places = (None, *self.account.open_branches)
        held = [powers(self.account, self.actor or "", slug, self.world.now) for slug in places[1:]]
        return all(scope == ALL for each in held for scope in scopes(each).values())

    def _own_roles_are_allowed(self) -> bool:
        by_plan = self.account.scheme == "atmos" and self.account.features is not None
        in_plan = not by_plan or "custom_roles" in (self.account.features or ())
        return tables.rules(self.account.scheme)["custom_roles"] and in_plan

    def _newly_own(self) -> bool:
        published = tables.roles(self.account.scheme)
        given = self._account_then(self.account).members - self.account.members
        return any(row.role not in published for row in given if row.status == "active")

    def _takes_override(self, user: str, branch: str, permission: str) -> bool:
        member = active_member(self.account, user, branch)
        role = None if member is None else role_of(self.account, member.role)
        assert member is not None
        assert role is not None
        return not role.locked and grantable(self.account, member.role, permission)

    @staticmethod
    def _rank(account: Account, key: str) -> int:
        role = role_of(account, key)
        return role.rank or 0 if role is not None else 0

    def _branches_of(self, user: str) -> list[str | None]:
        """The branches on which a change is about somebody; None is the account."""
        change, account = self.change, self.account
        match change:
            case OnBranch():
                return [change.branch]
            case ShareChange():
                record = record_of(account, change.record)
                return [] if record is None else [record.branch]
            case kinds.AddToBranches():
                return [*sorted(change.branches)]
            case kinds.ApproveRequest():
                return [_request(account, change.key).branch]
            case kinds.EditRole():
                return [row.branch for row in account.members if (row.user, row.role) == (user, change.key)]
            case kinds.Invite(branches=branches):
                return [*invited_branches(account, branches)]
            case kinds.ResendInvitation() | kinds.AcceptInvitation():
                return [*invited_branches(account, _invitation(account, change.key).branches)]
            case kinds.TransferOwnership():
                return [branch for _, branch, _ in single_holders(account)]
        return [None, *account.open_branches]

    def _instants(self) -> list[datetime]:
        """Now, and every instant at which an override ends, before the change or after it."""
        now = self.world.now
        overrides = {row for each in self.accounts for row in each.overrides | self._account_then(each).overrides}
        return [now, *sorted({row.ends for row in overrides if row.ends is not None and row.ends > now})]

    def _gives_only_its_own(self, account: Account) -> bool:
        then = self._account_then(account)
        people = {row.user for row in account.members | then.members}
        people |= {row.user for row in account.parent_roles | then.parent_roles}
        return all(
            self._gives_no_more(account, slug, at, was, is_now)
            for at in self._instants()
            for slug in (None, *then.open_branches)
            for user in people
            if (was := position(account, user, slug, at)) != (is_now := position(then, user, slug, at))
        )

    def _gives_no_more(self, account: Account, branch: str | None, at: datetime, was: Position, then: Position) -> bool:
        own, given = scopes(powers(account, self.actor or "", branch, at)), contributed(then)
        names = gained(was, then) & (ACCOUNT_LEVEL if branch is None else CATALOGUE.keys())
        return all(within(given[name], own[name]) for name in names)

    def _shares_only_its_own(self) -> bool:
        """What shares newly give, to their subject or to who comes into a team, is the actor's own for good."""
        change, account = self.change, self.account
        given: set[tuple[str, str]] = set()
        if isinstance(change, kinds.GrantShare | kinds.ChangeShare):
            old = {share.verbs for share in account.shares if self._is_the_share(share.record, share.user, share.team)}
            given = {(change.record, verb) for verb in change.verbs - frozenset().union(*old)}
        if isinstance(change, kinds.ChangeTeam):
            name = f"{change.branch}/{change.team}"
            team = team_of(account, name)
            if team is not None and change.members - team.members:
                given = {(share.record, verb) for share in account.shares if share.team == name for verb in share.verbs}
        return all(
            self._may(f"{verb}_{record.partition('/')[0]}", record, at)
            for record, verb in given
            for at in self._instants()
        )

    def _is_the_share(self, record: str, user: str | None, team: str | None) -> bool:
        change = self.change
        return isinstance(change, ShareChange) and (record, user, team) == (change.record, change.user, change.team)

    def _keeps(self, account: Account, then: World) -> bool:
        left = account_of(then, account.slug)
        assert left is not None
        before, afterwards = _keepers(self.world, account), _keepers(then, left)
        if None in afterwards:
            return bool(left.open_branches)
        if before and not afterwards:
            return False
        return before & {*left.open_branches} <= afterwards and bool(left.open_branches)


def _keepers(world: World, account: Account) -> set[str | None]:
    """The open branches with an active user in the top role; and None, where one holds a supreme parent role."""
    active = {user.name for user in world.users if user.active}
    top = tables.top_roles(account.scheme)
    found: set[str | None] = {
        row.branch
        for row in account.members
        if row.role in top and row.user in active and row.status == "active" and row.branch in account.open_branches
    }
    supreme = any(row.role in top and row.user in active for row in account.parent_roles)
    return found | {None} if supreme else found
