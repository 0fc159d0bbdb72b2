"""`generate`: the volume that was asked for, the same each time, within every constraint."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.access.facts import load
from apps.access.querysets import visible_to
from apps.accounts.models import Account, User
from apps.audit.models import Operation
from apps.crm.models import Activity, Company, Contact, Lead, LeadUserShare, Opportunity, Task
from apps.orgfiles.generation.plan import LoadPlan
from apps.orgfiles.generation.run import generate
from apps.roles.schemes import scheme, scheme_keys
from apps.teams.models import Membership, ParentMembership, Team, TeamMember

pytestmark = pytest.mark.django_db

VOLUME = {
    "branches": 3,
    "members": 40,
    "teams": 6,
    "companies": 60,
    "contacts": 120,
    "leads": 500,
    "opportunities": 80,
    "tasks": 90,
    "activities": 150,
    "shares": 200,
}


def made(**changes: Any) -> Account:
    generate(LoadPlan(**{"account": "load", "scheme": "atlas", **VOLUME, **changes}))
    return Account.objects.get(slug=changes.get("account", "load"))


def contents(account: Account) -> list[Any]:
    """All that was generated, but for the numbers of rows and the moments at which people were added."""
    people = dict(User.objects.values_list("pk", "email"))
    branches = dict(account.branches.values_list("pk", "slug"))
    found: list[Any] = []
    for model in (Company, Contact, Lead, Opportunity, Task, Activity):
        rows: list[dict[str, Any]] = list(
            model._default_manager.filter(account=account).order_by("reference").values()  # type: ignore[arg-type]
        )
        found += [_without_numbers(row, people, branches) for row in rows]
    memberships = Membership.objects.filter(account=account).order_by("user__email", "branch__slug")
    found += memberships.values_list("user__email", "user__name", "branch__slug", "role__key")
    places = TeamMember.objects.filter(account=account).order_by("team__slug", "user__email")
    found += places.values_list("team__slug", "team__name", "user__email")
    shares = LeadUserShare.objects.filter(account=account).order_by("content_object__reference", "user__email")
    found += shares.values_list("content_object__reference", "user__email", "reason")
    return found


def _without_numbers(row: dict[str, Any], people: dict[int, str], branches: dict[int, str]) -> dict[str, Any]:
    """Branches and people by name; of other links only whether there is one."""
    for name in row:
        if name in ("responsible_id", "created_by_id", "done_by_id"):
            row[name] = people.get(row[name])
        elif name == "branch_id":
            row[name] = branches[row[name]]
        elif name == "id" or name.endswith("_id"):
            row[name] = row[name] is not None
    return row


def test_it_makes_as_many_as_were_asked_for() -> None:
    account = made()
    assert account.branches.count() == 3
    assert User.objects.filter(email__endswith="@load.example").count() == 40
    assert Team.objects.filter(account=account).count() == 6
    models = (Company, Contact, Lead, Opportunity, Task, Activity, LeadUserShare)
    counts = [model._default_manager.filter(account=account).count() for model in models]
    assert counts == [60, 120, 500, 80, 90, 150, 200]


def test_the_same_seed_makes_the_same_people_and_records() -> None:
    first = contents_of_a_rolled_back_run(seed=7)
    assert contents_of_a_rolled_back_run(seed=7) == first
    assert contents_of_a_rolled_back_run(seed=8) != first


def contents_of_a_rolled_back_run(seed: int) -> list[Any]:
    with transaction.atomic():
        found = contents(made(seed=seed))
        transaction.set_rollback(True)
    return found


def test_deferred_constraints_hold_at_the_end() -> None:
    made()
    connection.check_constraints()


def test_records_belong_to_people_of_their_branch() -> None:
    account = made()
    members = set(Membership.objects.filter(account=account).values_list("branch", "user"))
    leads = Lead.objects.filter(account=account)
    owned = set(leads.exclude(responsible=None).values_list("branch", "responsible"))
    assert owned <= members
    assert 0 < leads.filter(responsible=None).count() < 100
    assert set(leads.values_list("branch", "created_by")) <= members


def test_what_is_linked_lies_on_the_same_branch() -> None:
    account = made()
    contacts = Contact.objects.filter(account=account, company__isnull=False).select_related("company")
    assert len(contacts) == 120
    assert all(contact.company and contact.company.branch_id == contact.branch_id for contact in contacts)
    activities = Activity.objects.filter(account=account)
    assert all(activity.about and activity.about.branch_id == activity.branch_id for activity in activities)


def test_a_share_is_for_a_member_of_the_leads_branch() -> None:
    account = made(shares=500 * 13)
    members = set(Membership.objects.filter(account=account).values_list("branch", "user"))
    assert set(LeadUserShare.objects.filter(account=account).values_list("content_object__branch", "user")) <= members


def test_a_second_run_adds_to_what_is_there() -> None:
    made()
    generate(LoadPlan(account="load", members=10, leads=100, teams=1, branches=1))
    account = Account.objects.get(slug="load")
    assert account.branches.count() == 4
    assert Lead.objects.filter(account=account).count() == 600
    assert Lead.objects.filter(account=account, reference="L-600").exists()
    assert User.objects.filter(email__endswith="@load.example").count() == 50
    assert Membership.objects.filter(account=account, role__key="owner").values("branch").distinct().count() == 4


@pytest.mark.parametrize("key", scheme_keys())
def test_every_scheme_gets_its_top_role_and_its_other_ones(key: str) -> None:
    account = made(scheme=key, branches=1, members=60, shares=0)
    held = Membership.objects.filter(account=account)
    assert held.filter(role__key=scheme(key).top_role.key).count() == 1
    wanted = {role.key for role in scheme(key).roles.values() if role.kind == "branch"}
    assert len(set(held.values_list("role__key", flat=True))) > len(wanted) // 2
    parent = scheme(key).founder.get("parent")
    assert ParentMembership.objects.filter(account=account).count() == (1 if parent else 0)


def test_generated_people_cannot_sign_in_and_see_what_their_role_says() -> None:
    account = made()
    user = User.objects.filter(email__endswith="@load.example", memberships__role__key="member")[0]
    assert not user.has_usable_password()
    seen = visible_to(user, "view_lead", account=account)
    assert 0 < seen.count() < 500


def test_loading_a_mandates_facts_takes_the_same_queries_however_many_branches() -> None:
    account = made(branches=12, members=24, teams=24, shares=0)
    top = ParentMembership.objects.get(account=account).user
    queries = set()
    for user in (top, *User.objects.filter(email__endswith="@load.example")[:6]):
        with CaptureQueriesContext(connection) as captured:
            load(user.pk, account.pk)
        queries.add(len(captured))
    assert max(queries) <= 5
    assert len(queries) == 1


def test_it_is_one_operation_in_the_log() -> None:
    account = made()
    operation = Operation.objects.get(verb="crm.account.generated")
    assert operation.actor_name == "the operator at the console"
    assert operation.entries.get(target_type="crm.generation").account_id == account.pk


def test_a_dry_run_writes_nothing() -> None:
    out = StringIO()
    call_command("generate", "load", scheme="atlas", leads=10, dry_run=True, stdout=out)
    assert out.getvalue() == "Would generate in load (atlas): 1 branch, 10 leads.\n"
    assert not Account.objects.filter(slug="load").exists()


def test_it_reports_in_json() -> None:
    out = StringIO()
    call_command("generate", "load", "--scheme=atmos", "--members=3", "--json", stdout=out)
    assert json.loads(out.getvalue()) == {
        "account": "load",
        "scheme": "atmos",
        "dry_run": False,
        "generated": {"branches": 1, "members": 3},
    }


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["load", "--leads=5"],
            'The account "load" does not exist: name its role system to create it, such as --scheme amocrm.',
        ),
        (["load", "--scheme=pyramid"], 'The role system "pyramid" does not exist: choose from'),
        (["Load!", "--scheme=atlas"], '"Load!" is not a name for an account:'),
        (["load", "--scheme=atlas", "--branches=0"], "A new account needs at least one branch."),
        (["load", "--scheme=atmos", "--branches=2"], "have one branch, and load would have 2."),
        (["load", "--scheme=atlas", "--leads=-1"], "-1 leads is out of range: choose 0 to 10,000,000."),
        (["load", "--scheme=atlas", "--leads=99999999"], "99999999 leads is out of range"),
        (["load", "--scheme=atlas", "--activities=5"], "Activities belong to records"),
        (["load", "--scheme=atlas", "--shares=5"], "Shares need generated leads"),
        (["load", "--scheme=atlas", "--members=2", "--leads=2", "--shares=5"], "5 shares are too many for 2 leads"),
        (["load", "--scheme=atlas", "--seed=-1"], "The seed -1 is out of range"),
        (["there"], "Nothing to generate: give numbers"),
        (["there", "--scheme=atmos", "--leads=1"], "The account there follows the scheme atlas, not atmos."),
    ],
)
def test_nonsense_is_refused_by_a_sentence_and_nothing_is_written(arguments: list[str], sentence: str) -> None:
    made(account="there", branches=1, shares=0)
    before = Lead.objects.count(), User.objects.count(), Account.objects.count()
    with pytest.raises(CommandError) as refused:
        call_command("generate", *arguments)
    assert sentence in str(refused.value)
    assert (Lead.objects.count(), User.objects.count(), Account.objects.count()) == before


def test_a_closed_account_is_refused() -> None:
    account = made(shares=0)
    Account.objects.filter(pk=account.pk).update(status="closed")
    with pytest.raises(CommandError, match="The account load is closed"):
        call_command("generate", "load", "--leads=1")
