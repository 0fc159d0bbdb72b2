"""The account with its branches, members and teams."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence

from django.contrib.auth.hashers import make_password
from django.utils.text import slugify

from apps.accounts.models import Account, Branch, User
from apps.crm.services.customisation import create_defaults
from apps.orgfiles.generation import vocabulary
from apps.orgfiles.generation.plan import LoadPlan
from apps.roles.models import Role
from apps.teams.models import Membership, ParentMembership, Team, TeamMember

BATCH = 5_000
# One member in so many also works on a second branch; one in so many places is in a second team.
SECOND_BRANCH = 10
SECOND_TEAM = 8


def account_of(plan: LoadPlan) -> Account:
    """The plan's account, made if it does not exist, with the lists that an account begins with."""
    account, created = Account.objects.get_or_create(
        slug=plan.account, defaults={"name": plan.account.replace("-", " ").title(), "scheme": str(plan.scheme)}
    )
    if created:
        create_defaults(account)
    return account


def add_branches(account: Account, count: int) -> None:
    """So many more branches, numbered onward."""
    before = _numbered(account.branches.values_list("slug", flat=True), r"branch-(\d+)")
    Branch.objects.bulk_create(
        Branch(account=account, slug=f"branch-{number}", name=f"Branch {number}")
        for number in range(before + 1, before + count + 1)
    )


def add_members(account: Account, branches: Sequence[Branch], plan: LoadPlan) -> None:
    """So many new users, spread over the branches: mostly in lower roles, one in the top role wherever it lacks.

    They have no password, so nobody signs in as one of them.
    """
    if not plan.members:
        return
    rng = random.Random(f"{plan.seed}:members")  # noqa: S311 - invents people, guards nothing
    users = _add_users(account, plan.members, rng)
    roles = list(Role.objects.published(account.scheme).filter(kind=Role.Kind.BRANCH))
    top = max(roles, key=lambda role: role.rank)
    others = sorted((role for role in roles if role != top and not role.single), key=lambda role: role.rank)
    weights = [2.0**-place for place in range(len(others))]
    lacking = _branches_lacking(account, branches, top)
    memberships = []
    for number, user in enumerate(users):
        home = branches[number % len(branches)]
        on = [home]
        if len(branches) > 1 and rng.randrange(SECOND_BRANCH) == 0:
            on.append(branches[(number + 1 + rng.randrange(len(branches) - 1)) % len(branches)])
        for branch in on:
            (role,) = rng.choices(others, weights)
            if branch.pk in lacking:
                lacking = set() if top.single else lacking - {branch.pk}
                role = top
            memberships.append(Membership(account=account, branch=branch, user=user, role=role))
    Membership.objects.bulk_create(memberships, batch_size=BATCH)
    _found(account, users[0])


def add_teams(account: Account, branches: Sequence[Branch], plan: LoadPlan) -> None:
    """So many new teams, spread over the branches, with the branch's active members in them."""
    if not plan.teams:
        return
    rng = random.Random(f"{plan.seed}:teams")  # noqa: S311 - invents people, guards nothing
    before = _numbered(Team.objects.filter(account=account).values_list("slug", flat=True), r"team-(\d+)")
    teams: dict[int, list[Team]] = {}
    for number in range(before + 1, before + plan.teams + 1):
        branch = branches[number % len(branches)]
        name = f"{vocabulary.TEAM_NAMES[number % len(vocabulary.TEAM_NAMES)]} {number}"
        team = Team(account=account, branch=branch, slug=f"team-{number}", name=name)
        team.save()
        teams.setdefault(branch.pk, []).append(team)
    places: list[TeamMember] = []
    active = Membership.objects.active().filter(account=account, branch__in=list(teams)).order_by("pk")
    for branch_id, user_id in active.values_list("branch", "user"):
        of_branch = teams[branch_id]
        wanted = 2 if rng.randrange(SECOND_TEAM) == 0 else 1
        chosen = rng.sample(of_branch, min(wanted, len(of_branch)))
        places.extend(TeamMember(account=account, team=team, user_id=user_id) for team in chosen)
    TeamMember.objects.bulk_create(places, batch_size=BATCH)


def _add_users(account: Account, count: int, rng: random.Random) -> list[User]:
    known = User.objects.filter(email__endswith=f"@{account.slug}.example").values_list("email", flat=True)
    before = _numbered(known, r".*\.(\d+)@.*")
    no_password = make_password(None)
    users = []
    for number in range(before + 1, before + count + 1):
        first, last = rng.choice(vocabulary.FIRST_NAMES), rng.choice(vocabulary.LAST_NAMES)
        address = f"{slugify(first)}.{slugify(last)}.{number}@{account.slug}.example"
        users.append(User(email=address, name=f"{first} {last}", password=no_password))
    return User.objects.bulk_create(users, batch_size=BATCH)


def _branches_lacking(account: Account, branches: Sequence[Branch], top: Role) -> set[int]:
    """Return the branches without a holder of the top role; none if its single holder exists."""
    holders = Membership.objects.active().filter(account=account, role=top)
    if top.single and holders.exists():
        return set()
    return {branch.pk for branch in branches} - set(holders.values_list("branch", flat=True))


def _found(account: Account, user: User) -> None:
    """Give the account's founder the founder's parent role, if the role system has one and nobody has it."""
    key = account.role_system.founder.get("parent")
    if key and not ParentMembership.objects.filter(account=account, role__key=key).exists():
        role = Role.objects.published(account.scheme).get(key=key)
        ParentMembership.objects.create(account=account, user=user, role=role)


def _numbered(texts: Iterable[str], pattern: str) -> int:
    """The highest number that texts of the pattern hold; 0 where none does."""
    matches = (re.fullmatch(pattern, text) for text in texts)
    return max((int(match[1]) for match in matches if match), default=0)
