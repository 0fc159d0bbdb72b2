"""What is tried in the cases of ``change_cases``: every kind of change, with the parameters that make a difference."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product

from tests.conformance import tables
from tests.conformance.tables import CATALOGUE, REACHES, Reaches
from tests.reference import kinds
from tests.reference.kinds import Change
from tests.reference.state import OwnRole

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=30)
ANN, TOM, KIM, EVE, REX = (f"{name}@cases.example" for name in ("ann", "tom", "kim", "eve", "rex"))
A = "cases"
OWN_ROLES = {
    "amocrm": OwnRole("auditor", "employee", frozenset({("view_lead", REACHES["C"]), ("manage_teams", REACHES["P"])})),
    "atmos": OwnRole("closer", "user", frozenset({("manage_roles", REACHES["P"]), ("change_roles", REACHES["P"])})),
}
NAMED = ("manage_billing", "invite_members", "view_billing", "delete_contact", "view_lead", "manage_member_permissions")
VIEW, EDIT = frozenset({"view"}), frozenset({"view", "change", "delete"})


def representatives(scheme: str) -> list[str]:
    """A permission for each pattern of (scope, grantable) over the scheme's branch roles, and those that are named."""
    published = tables.expected(scheme)
    found: dict[tuple[object, ...], str] = {}
    roles = [key for key, role in tables.roles(scheme).items() if role.kind == "branch"]
    for name, permission in CATALOGUE.items():
        pattern = (permission.target == "record", *(published[role][name] for role in roles))
        found.setdefault(pattern, name)
    return sorted({*found.values(), *NAMED})


def branch_roles(scheme: str) -> list[str]:
    """Every branch role that can be held in the cases of a scheme, its own role included."""
    published = [key for key, role in tables.roles(scheme).items() if role.kind == "branch"]
    return published + ([OWN_ROLES[scheme].key] if scheme in OWN_ROLES else [])


def _scopes_of(name: str) -> list[tuple[str, Reaches]]:
    letters = ("-", "CR", "P") if CATALOGUE[name].target == "record" else ("-", "P")
    return [(letter, REACHES[letter]) for letter in letters]


def of_somebody(scheme: str, user: str, member: bool) -> Iterator[tuple[str, Change]]:
    """The changes that are about one person; only one of those of a membership, where there is none."""
    if member:
        yield from _of_member(scheme, user)
    else:
        yield "details", kinds.ChangeDetails(A, user, "north", "Has moved")
    for role, parameters in tables.roles(scheme).items():
        if parameters.kind == "parent":
            yield f"grant {role}", kinds.GrantParentRole(A, user, role)
            yield f"change to {role}", kinds.ChangeParentRole(A, user, role)
    if scheme == "atlas":
        yield "revoke", kinds.RevokeParentRole(A, user)
        for role in branch_roles(scheme):
            yield f"add to south as {role}", kinds.AddToBranches(A, user, role, frozenset({"south"}))


def _of_member(scheme: str, user: str) -> Iterator[tuple[str, Change]]:
    place = (A, user, "north")
    for role in branch_roles(scheme):
        yield f"role {role}", kinds.ChangeRole(*place, role)
    for name in representatives(scheme):
        for letter, scope in _scopes_of(name):
            yield f"override {name} {letter}", kinds.SetOverride(*place, name, scope)
    for name in ("use_dialer", "bulk_edit", "view_company"):
        yield f"clear {name}", kinds.ClearOverride(*place, name)
    yield "override bulk_edit P for longer", kinds.SetOverride(*place, "bulk_edit", REACHES["P"], LATER + timedelta(1))
    yield "remove", kinds.RemoveMember(*place)
    yield "details", kinds.ChangeDetails(*place, "Has moved")
    yield "reset MFA", kinds.ResetMfa(*place)
    for ends in (None, LATER):
        yield f"approve {'for good' if ends is None else 'until later'}", kinds.ApproveRequest(A, f"{user}'s", ends)
    yield "decline", kinds.DeclineRequest(A, f"{user}'s")
    for (record, verbs), letter in zip(product(("lead/L-1", "lead/L-2"), (VIEW, EDIT)), "abcd", strict=True):
        yield f"share {letter}", kinds.GrantShare(A, record, user, None, verbs)
    if any(role.single for role in tables.roles(scheme).values()):
        for role in branch_roles(scheme):
            yield f"transfer, staying {role}", kinds.TransferOwnership(A, user, role)


def of_nobody(scheme: str) -> Iterator[tuple[str, Change]]:
    """The changes that are about things, or about people who are not there yet or any more."""
    north, south = frozenset({"north"}), frozenset({"north", "south"})
    for role in branch_roles(scheme):
        for name, branches in (("north", north), ("everywhere", None), ("both", south)):
            if name != "both" or scheme == "atlas":
                yield f"invite {role} to {name}", kinds.Invite(A, "new", "nia@cases.example", role, branches)
        yield f"resend to {role}", kinds.ResendInvitation(A, f"ann's {role}")
        yield f"cancel {role}", kinds.CancelInvitation(A, f"ann's {role}")
        yield f"invite back as {role}", kinds.Invite(A, "new", REX, role, north)
    yield "restore", kinds.RestoreMember(A, REX, "north")
    yield "delete", kinds.DeleteMember(A, REX, "north")
    yield "change share", kinds.ChangeShare(A, "lead/L-1", EVE, None, EDIT)
    yield "revoke share", kinds.RevokeShare(A, "lead/L-1", EVE, None)
    yield "share with a team", kinds.GrantShare(A, "lead/L-1", None, "north/sales", EDIT)
    yield "add team", kinds.AddTeam(A, "north", "field", frozenset({EVE}))
    yield "put into a team", kinds.ChangeTeam(A, "north", "sales", frozenset({EVE, ANN}))
    yield "empty a team", kinds.ChangeTeam(A, "north", "sales", frozenset())
    yield "delete team", kinds.DeleteTeam(A, "north", "sales")
    yield "create branch", kinds.CreateBranch(A, "west")
    yield "change branch", kinds.ChangeBranch(A, "north", "North-west")
    yield "close branch", kinds.CloseBranch(A, "north")
    yield "accept", kinds.AcceptInvitation(A, f"ann's {branch_roles(scheme)[0]}")
    yield "close account", kinds.CloseAccount(A)
    yield "take back", kinds.TakeBackClosing(A)
    yield "deactivate", kinds.DeactivateUser(EVE)
    for base in tables.roles(scheme):
        yield f"copy {base}", kinds.CopyRole(A, "copied", base)
        yield f"edit {base}", kinds.EditRole(A, base, frozenset({("view_lead", REACHES["C"])}))
        yield f"delete role {base}", kinds.DeleteRole(A, base)
        yield (
            f"copy {base} with billing",
            kinds.CopyRole(A, "copied", base, frozenset({("view_billing", REACHES["P"])})),
        )
    if scheme in OWN_ROLES:
        key = OWN_ROLES[scheme].key
        for letter in ("-", "P"):
            yield f"edit {key} {letter}", kinds.EditRole(A, key, frozenset({("view_reports", REACHES[letter])}))
        yield f"delete role {key}", kinds.DeleteRole(A, key)
    for other in tables.SCHEMES:
        if other != scheme:
            yield f"switch to {other}", kinds.SwitchScheme(A, other, _mapped(scheme, other))


def _mapped(scheme: str, other: str) -> frozenset[tuple[str, str | None]]:
    """The top role becomes the top role, every other the lowest, and parent roles end."""
    ranks = {key: role.rank or 0 for key, role in tables.roles(other).items() if role.kind == "branch"}
    low, top = min(ranks, key=ranks.__getitem__), max(ranks, key=ranks.__getitem__)
    tops = tables.top_roles(scheme)
    held = branch_roles(scheme)
    found: set[tuple[str, str | None]] = {(role, top if role in tops else low) for role in held}
    return frozenset(found | {(key, None) for key, role in tables.roles(scheme).items() if role.kind == "parent"})
