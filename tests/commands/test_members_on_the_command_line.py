"""`remove_member`, `restore_member` and `transfer_account`: what their options ask for, and how they refuse."""

from __future__ import annotations

import json

import pytest

from apps.audit.models import Operation
from apps.crm.models import Contact, Lead, Task
from apps.teams.models import Membership
from tests.commands.conftest import Run
from tests.factories import (
    Cast,
    ContactFactory,
    LeadFactory,
    ParentMembershipFactory,
    TaskFactory,
    UserFactory,
    make_cast,
)

BEN = "ben@acme.example"
WHY = ("--reason", "Ben left")


@pytest.fixture
def cast(db: None) -> Cast:
    """An Atlas account `acme` with Ben on its only branch."""
    return make_cast("atlas")


def status(cast: Cast) -> str:
    return Membership.objects.get(user=cast.member).status


def test_a_member_is_removed_with_what_the_options_say(cast: Cast, run: Run) -> None:
    heir, other = cast.join(), cast.join()
    lead, company_less = (LeadFactory(branch=cast.branch, responsible=cast.member) for _ in range(2))
    task = TaskFactory(branch=cast.branch, responsible=cast.member)
    contact = ContactFactory(branch=cast.branch, responsible=cast.member)
    secret = ContactFactory(branch=cast.branch, responsible=cast.member, private=True)
    gifts = ("--give", f"all={heir.email}", "--give", f"task={other.email}", "--give", "contact=nobody")
    result = run("remove_member", "acme", BEN, *gifts, "--private", heir.email, *WHY)
    operation = Operation.objects.latest("pk")
    assert (result.code, result.err) == (0, "")
    assert result.out == f"Changed 1 membership in acme (operation {operation.pk}).\n"
    assert (operation.verb, operation.reason, operation.actor_id) == ("access.member.removed", "Ben left", None)
    assert status(cast) == "removed"
    assert {Lead.objects.get(pk=row.pk).responsible for row in (lead, company_less)} == {heir}
    assert Task.objects.get(pk=task.pk).responsible == other
    assert Contact.objects.get(pk=contact.pk).responsible is None
    assert Contact.objects.get(pk=secret.pk).responsible == heir


def test_what_is_not_named_is_left_and_private_contacts_are_deleted(cast: Cast, run: Run) -> None:
    lead = LeadFactory(branch=cast.branch, responsible=cast.member)
    ContactFactory(branch=cast.branch, responsible=cast.member, private=True)
    assert run("remove_member", "acme", BEN, "--branch", "north", "--private", "delete", *WHY).code == 0
    assert Lead.objects.get(pk=lead.pk).responsible == cast.member
    assert not Contact.objects.exists()


def test_a_dry_run_removes_nobody_and_hands_nothing_over(cast: Cast, run: Run) -> None:
    heir = cast.join()
    lead = LeadFactory(branch=cast.branch, responsible=cast.member)
    arguments = ("remove_member", "acme", BEN, "--give", f"all={heir.email}", "--private", "delete", *WHY)
    assert run(*arguments, "--dry-run").code == 0
    assert (status(cast), Lead.objects.get(pk=lead.pk).responsible) == ("active", cast.member)
    assert not Operation.objects.filter(verb="access.member.removed").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--private", "delete"), 2, "--reason"),
        (WHY, 2, "--private"),
        (("--private", "delete", "--reason", " "), 1, "Give a reason"),
        (("--private", "delete", "--give", "lead", *WHY), 2, '"lead" is not valid. Write TYPE=USER'),
        (("--private", "delete", "--give", "invoice=nobody", *WHY), 2, '"invoice=nobody" is not valid'),
        (("--private", "delete", "--give", "lead=max@acme.example", *WHY), 1, 'There is no user "max@acme.example".'),
        (("--private", "delete", "--branch", "west", *WHY), 1, 'There is no branch "west"'),
        (("--private", BEN, *WHY), 1, "Choose an active member of North"),
        (("--private", "delete", "--actor", BEN, *WHY), 1, "You can't change your own role or membership."),
    ],
)
def test_what_is_off_is_said_in_a_sentence(
    cast: Cast, run: Run, arguments: tuple[str, ...], code: int, words: str
) -> None:
    result = run("remove_member", "acme", BEN, *arguments)
    assert (result.code, result.out) == (code, "")
    assert words in result.err
    assert status(cast) == "active"


def test_a_removed_member_is_restored(cast: Cast, run: Run) -> None:
    ParentMembershipFactory(account=cast.account, user=cast.member, role="viewer")
    assert run("remove_member", "acme", BEN, "--private", "delete", *WHY).code == 0
    result = run("restore_member", "acme", BEN, "--reason", "Ben is back", "--actor", "ann@acme.example", "--json")
    told = json.loads(result.out)
    assert (told["account"], told["changed"], told["dry_run"]) == ("acme", 1, False)
    assert Operation.objects.get(pk=told["operation"]).actor_id == cast.owner.pk
    assert status(cast) == "active"
    again = run("restore_member", "acme", BEN, "--reason", "Once more")
    assert (again.code, again.err) == (1, "Ben Baker is already a member.\n")


def _administrator(cast: Cast) -> str:
    user = UserFactory(email="dora@acme.example")
    cast.join("administrator", user=user)
    return str(user.email)


def test_the_ownership_is_transferred(db: None, run: Run) -> None:
    cast = make_cast("onepagecrm")
    arguments = ("transfer_account", "acme", "--to", BEN, "--reason", "Ann retires")
    assert run(*arguments, "--actor", BEN).err.startswith("You can't transfer ownership to yourself.")
    assert run(*arguments, "--actor", _administrator(cast)).err.startswith("You need the permission")
    assert run(*arguments, "--role-of-previous", "boss").err == (
        'The account "acme" has no role "boss". Choose from account_owner, administrator, focused_user, user.\n'
    )
    assert run(*arguments, "--actor", "ann@acme.example", "--dry-run").code == 0
    assert Membership.objects.get(user=cast.member).role.key == "user"
    assert run(*arguments, "--role-of-previous", "user", "--actor", "ann@acme.example").code == 0
    assert dict(Membership.objects.filter(account=cast.account).values_list("user__email", "role__key")) == {
        BEN: "account_owner",
        "ann@acme.example": "user",
        "dora@acme.example": "administrator",
    }


def test_where_no_role_is_single_there_is_nothing_to_transfer(cast: Cast, run: Run) -> None:
    result = run("transfer_account", "acme", "--to", BEN, "--reason", "Because")
    assert (result.code, result.err) == (1, "Atlas has no role with a single holder. Change roles instead.\n")
