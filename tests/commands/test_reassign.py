"""`reassign`: who answers next, with whose rights, and what the log and the output tell of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apps.accounts.models import Account, User
from apps.audit.models import Entry
from apps.crm.models import Change, Company, Contact, Lead, Task
from apps.roles.scopes import Scope
from apps.teams.models import Membership
from tests.commands.conftest import Run
from tests.factories import Cast, CompanyFactory, ContactFactory, LeadFactory, TaskFactory, make_cast
from tests.orgfiles.files import ANN, BEN, CEM, DORA, ZOE

WHY = ("--reason", "Ben moved to support")
NORTH = ("acme", "--from", BEN, "--to", ANN, "--branch", "north", *WHY)


@pytest.fixture
def cast(db: None) -> Cast:
    """An Atlas account `acme` with a colleague who is to receive what the member has, for questions of rights."""
    cast = make_cast("atlas")
    cast.join(user=User.objects.create_user("heir@acme.example", name="Hal Hunter"))
    return cast


def entries() -> list[Entry]:
    return list(Entry.objects.filter(operation__verb="crm.records.reassigned"))


def give(run: Run, *more: str) -> Any:
    return run("reassign", "acme", "--from", "ben@acme.example", "--to", "heir@acme.example", *WHY, *more)


def test_it_says_how_many_of_each_type_and_moves_them(acme: Account, run: Run) -> None:
    result = run("reassign", *NORTH)
    assert (result.code, result.err) == (0, "")
    assert result.out == f"Moved from {BEN} to {ANN}: 1 company.\n"
    assert Company.objects.get().responsible == User.objects.get(email=ANN)


def test_it_is_one_entry_in_the_log_with_counts_and_one_in_each_record_s_history(acme: Account, run: Run) -> None:
    run("reassign", *NORTH)
    (entry,) = entries()
    ann, ben = User.objects.get(email=ANN), User.objects.get(email=BEN)
    assert (entry.operation.reason, entry.operation.actor_id) == ("Ben moved to support", None)
    assert (entry.account_id, entry.branch_id) == (acme.pk, acme.branches.get(slug="north").pk)
    assert (entry.target_type, entry.target_id, entry.target_text) == ("accounts.user", str(ben.pk), "Ben Baker")
    assert entry.before == {"responsible_id": ben.pk, "names": {"responsible_id": "Ben Baker"}}
    assert entry.after == {
        "responsible_id": ann.pk,
        "names": {"responsible_id": "Ann Archer"},
        "counts": {"company": 1},
        "private": None,
    }
    before, after = Change.objects.get().fields["responsible"]
    assert (before["name"], after["name"]) == ("Ben Baker", "Ann Archer")


def test_a_second_time_moves_nothing_and_is_no_error(acme: Account, run: Run) -> None:
    run("reassign", *NORTH)
    result = run("reassign", *NORTH)
    assert (result.code, result.out) == (0, f"Moved from {BEN} to {ANN}: no records.\n")
    assert (len(entries()), Change.objects.count()) == (1, 1)


def test_json(acme: Account, run: Run) -> None:
    found = json.loads(run("reassign", *NORTH, "--json").out)
    assert found == {
        "account": "acme",
        "from": BEN,
        "to": ANN,
        "branch": "north",
        "dry_run": False,
        "private": None,
        "moved": {"company": 1},
    }


@pytest.mark.parametrize("private", [(), ("--private", "delete"), ("--private", "hand-over")])
def test_a_dry_run_says_the_same_and_writes_nothing(acme: Account, run: Run, private: tuple[str, ...]) -> None:
    would = run("reassign", *NORTH, *private, "--dry-run")
    assert (would.code, would.lines[0]) == (0, f"Would move from {BEN} to {ANN}: 1 company.")
    assert not entries()
    assert not Change.objects.exists()
    assert Contact.objects.filter(private=True, responsible__email=BEN).exists()
    assert run("reassign", *NORTH, *private).lines[0] == f"Moved from {BEN} to {ANN}: 1 company."


def test_only_the_named_types_move(cast: Cast, run: Run) -> None:
    for factory in (LeadFactory, CompanyFactory, TaskFactory):
        factory(branch=cast.branch, responsible=cast.member)
    assert give(run, "--type", "lead", "--type", "task").out.endswith(": 1 lead, 1 task.\n")
    assert Company.objects.get().responsible == cast.member
    assert Lead.objects.get().responsible.email == Task.objects.get().responsible.email == "heir@acme.example"  # type: ignore[union-attr]


# --- Private contacts ---


def test_private_contacts_are_left_alone_unless_something_is_said(acme: Account, run: Run) -> None:
    run("reassign", *NORTH)
    assert Contact.objects.get(private=True).responsible == User.objects.get(email=BEN)
    assert Task.objects.get(reference="T-1").responsible == User.objects.get(email=BEN)


def test_private_contacts_are_handed_over_with_their_tasks_and_not_counted(acme: Account, run: Run) -> None:
    result = run("reassign", *NORTH, "--private", "hand-over")
    assert result.lines == [f"Moved from {BEN} to {ANN}: 1 company.", "Private contacts, if any, were handed over."]
    assert Contact.objects.get(private=True).responsible == User.objects.get(email=ANN)
    assert Task.objects.get(reference="T-1").responsible == User.objects.get(email=ANN)


def test_private_contacts_are_deleted_and_not_counted(acme: Account, run: Run) -> None:
    result = run("reassign", *NORTH, "--private", "delete")
    assert result.lines == [f"Moved from {BEN} to {ANN}: 1 company.", "Private contacts, if any, were deleted."]
    assert not Contact.objects.filter(private=True).exists()
    assert Task.objects.get(reference="T-1").responsible == User.objects.get(email=ANN)


@pytest.mark.parametrize("choice", ["delete", "hand-over"])
def test_neither_output_nor_log_tells_whether_there_are_any(cast: Cast, run: Run, choice: str) -> None:
    without = give(run, "--private", choice)
    secret = ContactFactory(branch=cast.branch, private=True, responsible=cast.member)
    TaskFactory(about=secret, responsible=cast.member)
    assert give(run, "--private", choice) == without
    assert not Contact.objects.filter(responsible=cast.member).exists()
    first, second = entries()
    assert (first.before, first.after) == (second.before, second.after)


def test_with_somebody_s_rights_only_their_own_private_contacts_are_reached(cast: Cast, run: Run) -> None:
    ContactFactory(branch=cast.branch, private=True, responsible=cast.member)
    result = give(run, "--private", "delete", "--actor", cast.owner.email)
    assert result.code == 1
    assert result.err == "Only ben@acme.example can decide about their private contacts. Leave --private out.\n"
    cast.let(cast.member, "assign_record")
    assert give(run, "--private", "hand-over", "--actor", cast.member.email).code == 0
    assert Contact.objects.get().responsible.email == "heir@acme.example"  # type: ignore[union-attr]


# --- Whose rights ---


def test_an_actor_is_named_in_the_log_and_in_the_history(cast: Cast, run: Run) -> None:
    LeadFactory(branch=cast.branch, responsible=cast.member)
    assert give(run, "--actor", cast.owner.email).code == 0
    assert entries()[0].operation.actor_name == Change.objects.get().actor_name == "Ann Archer"


def test_records_that_the_actor_may_not_assign_are_in_the_way_as_far_as_they_see_them(cast: Cast, run: Run) -> None:
    actor = cast.join()
    cast.let(actor, "view_lead", Scope.CREATED)
    LeadFactory.create_batch(2, branch=cast.branch, responsible=cast.member, created_by=actor)
    LeadFactory.create_batch(3, branch=cast.branch, responsible=cast.member)
    for more in ((), ("--dry-run",)):
        result = give(run, "--actor", actor.email, *more)
        assert (result.code, result.out) == (1, "")
        assert result.err == (
            "You need “Change the responsible” on 2 of the records. "
            "Leave out that record type, or ask a colleague who has the permission.\n"
        )
    assert not entries()
    cast.let(actor, "assign_record", Scope.CREATED)
    assert give(run, "--actor", actor.email).out.endswith(": 2 leads.\n")
    assert Lead.objects.filter(responsible=cast.member).count() == 3


def test_an_actor_who_sees_nothing_moves_nothing(cast: Cast, run: Run) -> None:
    actor = cast.join()
    cast.let(actor, "view_lead", Scope.NONE)
    LeadFactory(branch=cast.branch, responsible=cast.member)
    result = give(run, "--actor", actor.email)
    assert (result.code, result.out) == (0, "Moved from ben@acme.example to heir@acme.example: no records.\n")
    assert not entries()


def test_an_actor_needs_access_to_the_account(cast: Cast, run: Run) -> None:
    LeadFactory(branch=cast.branch, responsible=cast.member)
    removed = cast.join()
    cast.remove(removed)
    for actor in (cast.outsider, removed):
        result = give(run, "--actor", actor.email)
        assert (result.code, result.err) == (1, f"{actor.email} has no access to the account acme.\n")
    User.objects.filter(pk=cast.owner.pk).update(is_active=False)
    assert give(run, "--actor", cast.owner.email).code == 1
    assert Lead.objects.get().responsible == cast.member


# --- What is refused ---


def test_the_receiver_is_an_active_member_of_the_branches(acme: Account, run: Run) -> None:
    for receiver in (CEM, DORA, ZOE):
        result = run("reassign", "acme", "--from", BEN, "--to", receiver, *WHY)
        assert (result.code, result.out) == (1, "")
        assert result.err == "Choose an active member of North: only they can own records there.\n"
    Membership.objects.filter(user__email=ANN).delete()
    assert run("reassign", *NORTH).code == 1
    assert not entries()
    assert not Change.objects.exists()


def test_a_blank_reason_is_refused(acme: Account, run: Run) -> None:
    result = run("reassign", "acme", "--from", BEN, "--to", ANN, "--reason", " \t")
    assert (result.code, result.err) == (1, "Enter a reason: it is blank.\n")
    assert not Change.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("globex", "--from", BEN, "--to", ANN, *WHY), 'There is no account "globex".\n'),
        (("acme", "--from", "x@y", "--to", ANN, *WHY), 'There is no user "x@y".\n'),
        (("acme", "--from", BEN, "--to", "x@y", *WHY), 'There is no user "x@y".\n'),
        (("acme", "--from", BEN, "--to", ANN, "--actor", "x@y", *WHY), 'There is no user "x@y".\n'),
        (
            ("acme", "--from", BEN, "--to", ANN, "--branch", "west", *WHY),
            'There is no branch "west" in the account "acme".\n',
        ),
    ],
)
def test_what_does_not_exist_ends_with_1(acme: Account, run: Run, arguments: tuple[str, ...], said: str) -> None:
    result = run("reassign", *arguments)
    assert (result.code, result.err) == (1, said)


@pytest.mark.parametrize(
    "arguments",
    [
        ("acme", "--from", BEN, "--to", ANN),
        ("acme", "--to", ANN, *WHY),
        ("acme", "--from", BEN, "--to", BEN, *WHY),
        (*NORTH, "--type", "project"),
        (*NORTH, "--private", "keep"),
    ],
)
def test_arguments_that_are_off_end_with_2(acme: Account, run: Run, arguments: tuple[str, ...]) -> None:
    assert run("reassign", *arguments).code == 2
    assert not Change.objects.exists()
