"""A name with a hidden character is refused wherever it is written, with a sentence, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from apps.accounts.models import Account, ApiToken
from apps.audit.models import Operation
from apps.audit.services import operation
from apps.changes.accounts import ChangeAccount
from apps.changes.base import Change
from apps.changes.branches import ChangeBranch, CreateBranch
from apps.changes.details import ChangeDetails
from apps.changes.invitations import Invite
from apps.changes.opening import OpenAccount
from apps.changes.refusals import Refusal
from apps.changes.teams import AddTeam
from apps.crm.models import CustomField, Lead, LeadStatus, Pipeline
from apps.crm.services.customfields import save_field
from apps.crm.services.customisation import save_entry
from apps.crm.services.records import create_record
from apps.orgfiles import organisation
from apps.orgfiles.organisation import InvalidOrganisation
from apps.signin.forms import AddPasskeyForm, DetailsForm, NewUserForm, RenamePasskeyForm, SignupForm, TokenForm
from tests.commands.conftest import Run, run
from tests.factories import Cast, make_cast, published
from tests.orgfiles.files import acme
from tests.signin.people import browser_of

__all__ = ["run"]
pytestmark = pytest.mark.django_db
# A line break, and a mark that turns the direction of writing around.
BAD = ["Eve\nhttp://evil.example/", "Eve\u202egnp.exe"]


@pytest.fixture
def cast() -> Cast:
    return make_cast()


CHANGES: dict[str, Callable[[Cast, str], Change]] = {
    "the account": lambda cast, name: ChangeAccount(account_id=cast.account.pk, name=name),
    "a new branch": lambda cast, name: CreateBranch(account_id=cast.account.pk, slug="east", name=name),
    "a branch": lambda cast, name: ChangeBranch(account_id=cast.account.pk, branch_id=cast.branch.pk, name=name),
    "a team": lambda cast, name: AddTeam(account_id=cast.account.pk, branch_id=cast.branch.pk, slug="red", name=name),
    "a person": lambda cast, name: ChangeDetails(account_id=cast.account.pk, user_id=cast.member.pk, name=name),
    "an address": lambda cast, name: Invite(
        account_id=cast.account.pk,
        email=f"eve@exa{name[3]}mple.com",
        role_id=published("atlas", "member").pk,
        branch_id=cast.branch.pk,
    ),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("what", CHANGES)
def test_a_change_of_access_refuses_it(cast: Cast, what: str, name: str) -> None:
    change, before = CHANGES[what](cast, name), Operation.objects.count()
    with pytest.raises(Refusal) as refused:
        change.apply(actor=cast.owner, reason="Because")
    assert str(refused.value)
    assert Operation.objects.count() == before


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("field", ["name", "branch"])
def test_an_account_is_not_opened_with_it(cast: Cast, field: str, name: str) -> None:
    given = {"name": "Third", "slug": "third", "scheme": "atlas", "branch": "Main"} | {field: name}
    with pytest.raises(Refusal):
        OpenAccount(**given).apply(actor=cast.owner, reason="Begins")
    assert not Account.objects.filter(slug="third").exists()


RECORDS: dict[str, Callable[[Cast, str], Any]] = {
    "a status": lambda cast, name: save_entry(LeadStatus(account=cast.account, name=name), actor=cast.owner),
    "a pipeline": lambda cast, name: save_entry(Pipeline(account=cast.account, name=name), actor=cast.owner),
    "a field": lambda cast, name: save_field(
        CustomField(account=cast.account, record_type="lead", name=name), actor=cast.owner
    ),
    "a choice": lambda cast, name: save_field(
        CustomField(account=cast.account, record_type="lead", name="Size", kind="choice", choices=[name]),
        actor=cast.owner,
    ),
    "a lead": lambda cast, name: create_record(
        Lead(account=cast.account, branch=cast.branch, name=name), actor=cast.owner
    ),
    "a tag": lambda cast, name: create_record(
        Lead(account=cast.account, branch=cast.branch, name="Lead", tags=[name]), actor=cast.owner
    ),
    "a city": lambda cast, name: create_record(
        Lead(account=cast.account, branch=cast.branch, name="Lead", city=name), actor=cast.owner
    ),
    "a description": lambda cast, name: create_record(
        Lead(account=cast.account, branch=cast.branch, name="Lead", description=f"{name}\x1b[2J"), actor=cast.owner
    ),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("what", RECORDS)
def test_a_record_and_what_an_account_sets_for_itself_refuse_it(cast: Cast, what: str, name: str) -> None:
    with pytest.raises(ValidationError) as refused:
        RECORDS[what](cast, name)
    assert "U+" in " ".join(refused.value.messages)
    assert not Lead.objects.exists()


@pytest.mark.parametrize("name", BAD)
def test_forms_of_people_and_their_keys_refuse_it(cast: Cast, name: str) -> None:
    forms = [
        SignupForm({"name": name, "email": "eve@evil.example"}),
        NewUserForm({"name": name, "password": "a heron stands in the rain"}, email="eve@evil.example"),
        DetailsForm({"name": name, "time_zone": ""}, user=cast.member, nameless=False),
        TokenForm({"name": name, "days": "30"}),
    ]
    for form in forms:
        assert "U+" in str(form.errors["name"]), form
    for passkey in (AddPasskeyForm, RenamePasskeyForm):
        with pytest.raises(ValidationError, match=r"U\+"):
            passkey.base_fields["name"].clean(name)


def test_a_page_says_so_beside_the_field(cast: Cast) -> None:
    client: Client = browser_of(cast.owner)
    client.post("/login/again/", {"password": "unused"})
    page = client.post("/me/", {"name": BAD[0], "time_zone": ""}).content.decode()
    assert "without invisible characters (here: U+000A)" in page
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("section", ["account", "users", "branches", "records"])
def test_a_file_of_an_organisation_is_refused_with_its_place(section: str, name: str) -> None:
    data = acme()
    (data[section] if section == "account" else data[section][0])["name"] = name
    with pytest.raises(InvalidOrganisation, match=rf"{section}.*name.*U\+"):
        organisation.parse(data)


def test_a_reason_has_line_breaks_and_no_other_control_characters(cast: Cast, run: Run) -> None:
    change = ChangeBranch(account_id=cast.account.pk, branch_id=cast.branch.pk, name="South")
    assert change.apply(actor=cast.owner, reason="One\nTwo").operation_id
    with pytest.raises(ValueError, match="control characters"), operation(verb="x", actor=None, reason="One\x1b[2J"):
        pass
    answer = run("sign_out", cast.member.email, "--reason", "One\x1b[2J")
    assert answer.code == 2
    assert "U+001B" in answer.err
