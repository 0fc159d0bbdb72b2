"""An export says what the account is: importing it gives the same decisions, and the same export."""

import json
import random
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
import yaml
from django.db.models import F, Value
from django.db.models.functions import Concat
from hypothesis import given
from hypothesis import strategies as st

from apps.access import records
from apps.access.models import Override
from apps.access.questions import answers
from apps.accounts.models import Account, Branch, User
from apps.crm.models import Company
from apps.orgfiles import organisation
from apps.orgfiles.emitting import text as written_text
from apps.roles import catalogue
from apps.roles.catalogue import Target
from apps.roles.models import Role
from apps.roles.scopes import Scope
from apps.teams.models import Membership
from tests.orgfiles.files import ACME, ANN, BEN, acme
from tests.reference.worlds import random_world


def exported(account: Account, notes: list[str] | None = None) -> str:
    return "".join(f"{line}\n" for line in organisation.export(account, (notes if notes is not None else []).append))


def imported(text: str, slug: str) -> Account:
    """The export as an account of another slug."""
    first = next(line for line in text.splitlines() if line.startswith("account: "))
    renamed = text.replace(first, f"account: {{slug: {slug}, {first.partition(', ')[2]}", 1)
    return organisation.create(organisation.load(BytesIO(renamed.encode())))


def everything_asked(account: Account) -> Iterator[bytes]:
    """Who may do what, for every permission on the account, its branches and its records."""
    slug = account.slug
    for permission in catalogue.permissions():
        targets = [f"account:{slug}"]
        if permission.target is Target.BRANCH:
            targets = [f"branch:{slug}/{branch.slug}" for branch in Branch.objects.filter(account=account)]
        if permission.target is Target.RECORD:
            targets = [
                f"{name}:{slug}/{reference}"
                for name, model in records.registered().items()
                if not permission.record_types or name in permission.record_types
                for reference in model._default_manager.filter(account=account).values_list("reference", flat=True)
            ]
        for target in targets:
            yield json.dumps({"permission": permission.codename, "who": target}).encode()


def decisions(account: Account) -> dict[str, Any]:
    """The answers, by question, with the account's name taken out."""
    asked = sorted(everything_asked(account))
    found = answers(asked)
    return {
        line.decode().replace(account.slug, "SLUG"): dict(answer) for line, answer in zip(asked, found, strict=True)
    }


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(10))
def test_an_import_of_an_export_decides_as_the_account_does(seed: int) -> None:
    """For every user, permission and record of a random world; once with the same users, once with all of them new."""
    world = random_world(random.Random(seed), slugs=("first",), beyond_files=seed % 2 == 1)
    for user in world[0]["users"]:
        user.pop("superuser", None)
    if seed % 2:
        _leave_out_what_files_may_not_state(world[0])
    first = organisation.create(organisation.parse(world[0]))
    text, expected = exported(first), decisions(first)
    assert seed % 2 or any(answer["users"] for answer in expected.values())

    second = imported(text, "second")
    assert decisions(second) == expected
    assert exported(second) == text.replace("slug: first,", "slug: second,")

    User.objects.update(email=Concat(Value("old-"), F("email")))
    third = imported(text, "third")
    assert decisions(third) == expected


def _leave_out_what_files_may_not_state(found: dict[str, Any]) -> None:
    published = Role.objects.published(found["account"]["scheme"])
    locked = {role.key for role in published if role.locked}
    members = {(row["user"], row["branch"]) for row in found["members"] if row["role"] in locked}
    found["overrides"] = [row for row in found["overrides"] if (row["user"], row["branch"]) not in members]


@pytest.mark.django_db
def test_every_field_of_every_record_comes_back() -> None:
    first = organisation.create(organisation.parse(ACME))
    second = imported(exported(first), "second")
    for model in records.registered().values():
        left_out = {"id", "account_id", "branch_id", "updated_at", "status_id", "source_id"}
        links = {field.attname for field in model._meta.concrete_fields if field.attname.endswith("_id")}
        people = {"responsible_id", "created_by_id", "done_by_id"}
        columns = [
            field.attname
            for field in model._meta.concrete_fields
            if field.attname not in left_out and field.attname not in links - people
        ]
        rows = [
            list(model._default_manager.filter(account=account).order_by("pk").values_list(*columns))
            for account in (first, second)
        ]
        assert rows[0] == rows[1], model
        assert rows[0]


@pytest.mark.django_db
def test_an_export_reads_well() -> None:
    own = {"key": "closer", "name": "Closer", "based_on": "employee", "grants": {"view_lead": ["team", "created"]}}
    account = organisation.create(
        organisation.parse(
            {
                "account": {"slug": "firm", "name": "Müller & Söhne", "scheme": "amocrm", "features": []},
                "users": [{"email": BEN}, {"email": ANN, "name": "Ann Archer", "staff": True}],
                "branches": [
                    {"slug": "main", "name": "on", "teams": [{"slug": "a", "name": "A", "members": [BEN, ANN]}]}
                ],
                "members": [
                    {"user": BEN, "branch": "main", "role": "closer"},
                    {"user": ANN, "branch": "main", "role": "administrator"},
                ],
                "roles": [own],
                "overrides": [
                    {
                        "user": BEN,
                        "branch": "main",
                        "permission": "view_lead",
                        "scope": "none",
                        "reason": "A pause:\nuntil he is back",
                        "expires": "2020-01-31T00:00:00+01:00",
                    }
                ],
                "records": [
                    {
                        "type": "lead",
                        "ref": "1_000",
                        "branch": "main",
                        "created_at": "2026-01-02T03:04:05Z",
                        "value": "10.00",
                        "created_by": BEN,
                        "tags": ["no"],
                    }
                ],
                "shares": [
                    {"record": "lead/1_000", "team": "main/a", "permissions": ["export", "view"], "reason": "For A"}
                ],
            }
        )
    )
    lines = exported(account).splitlines()
    begin, end = lines.index("pipelines:"), lines.index("records:")
    assert lines[begin + 1 : begin + 4] == [
        "  - name: Sales",
        "    statuses:",
        "      - {name: Qualification, outcome: open, probability: 10}",
    ]
    assert lines[:begin] + lines[end:] == [
        "mandate: 1",
        'account: {slug: firm, name: "Müller & Söhne", scheme: amocrm, currency: EUR, features: []}',
        "users:",
        '  - {email: ann@acme.example, name: "Ann Archer", active: true, staff: true}',
        '  - {email: ben@acme.example, name: "", active: true, staff: false}',
        "branches:",
        "  - slug: main",
        '    name: "on"',
        "    teams:",
        "      - {slug: a, name: A, members: [ann@acme.example, ben@acme.example]}",
        "members:",
        "  - {user: ann@acme.example, branch: main, role: administrator, status: active}",
        "  - {user: ben@acme.example, branch: main, role: closer, status: active}",
        "roles:",
        "  - {key: closer, name: Closer, based_on: employee, grants: {view_lead: [created, team]}}",
        "overrides:",
        "  - {user: ben@acme.example, branch: main, permission: view_lead, scope: none,"
        ' reason: "A pause:\\nuntil he is back", expires: 2020-01-30T23:00:00Z}',
        "records:",
        '  - {type: lead, ref: "1_000", branch: main, created_by: ben@acme.example, created_at: 2026-01-02T03:04:05Z,'
        ' tags: ["no"], currency: EUR, value: 10.00}',
        "shares:",
        '  - {record: lead/1_000, team: main/a, permissions: [view, export], reason: "For A"}',
    ]


@pytest.mark.django_db
def test_shares_with_different_reasons_stay_apart() -> None:
    shares = [
        {"record": "company/C-1", "user": ANN, "permissions": ["view"], "reason": "First"},
        {"record": "company/C-1", "user": ANN, "permissions": ["change"], "reason": "Then"},
    ]
    first = organisation.create(organisation.parse(acme(shares=shares)))
    assert exported(first).splitlines()[-2:] == [
        "  - {record: company/C-1, user: ann@acme.example, permissions: [view], reason: First}",
        "  - {record: company/C-1, user: ann@acme.example, permissions: [change], reason: Then}",
    ]
    imported(exported(first), "second")


@pytest.mark.django_db
def test_what_the_file_cannot_state_is_left_out_and_told() -> None:
    """A change of role can leave an override behind on a locked role; a platform operator is one everywhere."""
    account = organisation.create(
        organisation.parse(
            {
                "account": {"slug": "firm", "scheme": "amocrm"},
                "users": [{"email": ANN}],
                "branches": [{"slug": "main"}],
                "members": [{"user": ANN, "branch": "main", "role": "administrator"}],
            }
        )
    )
    ann, branch = User.objects.get(email=ANN), Branch.objects.get(account=account)
    Override.objects.create(
        account=account, branch=branch, user=ann, permission="view_lead", scope=Scope.NONE, reason="Before"
    )
    User.objects.update(is_superuser=True)
    notes: list[str] = []
    text = exported(account, notes)
    assert "overrides" not in text
    assert notes == [
        "ann@acme.example is a platform operator, which an organisation file can't contain.",
        "The override of view_lead for ann@acme.example on main was skipped: their role is locked, so"
        " it has no effect.",
    ]
    imported(text, "second")


@pytest.mark.django_db
def test_nothing_of_another_account_is_exported() -> None:
    first = organisation.create(organisation.parse(ACME))
    before = exported(first)
    other = acme(account=ACME["account"] | {"slug": "other"})
    other["users"] = [*other["users"], {"email": "eve@other.example"}]
    other["members"] = [*other["members"], {"user": "eve@other.example", "branch": "north", "role": "member"}]
    organisation.create(organisation.parse(other))
    assert exported(first) == before
    assert Membership.objects.filter(user__email="eve@other.example").exists()


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_text_is_read_back_by_any_yaml_program_as_that_text(text: str) -> None:
    line = f"{{key: {written_text(text)}, {written_text(text or 'x')}: 1}}"
    assert yaml.safe_load(line) == {"key": text, text or "x": 1} or text == "key"


@pytest.mark.django_db
def test_hostile_texts_come_back() -> None:
    names = [
        "no",
        "- a",
        "a: b",
        "#x",
        "{}",
        "'",
        '"',
        "\\",
        "😀",
        " x ",
        "1e3",
        "~",
        "*a",
        "No",
        "nO",
        "y",
        "Ann",
        "é",
    ]
    rows = [{"type": "company", "ref": name, "branch": "north", "name": name} for name in names]
    first = organisation.create(organisation.parse(acme(records=rows, shares=[])))
    lines = [line for line in exported(first).split("\n") if "type: company" in line and "ref: " in line]
    for name, line in zip(names, lines, strict=True):
        # What the database puts together is what this program writes.
        assert f"ref: {written_text(name)}, branch: north, name: {written_text(name)}, created_at" in line
    second = imported(exported(first), "second")
    found = Company.objects.filter(account=second).order_by("pk").values_list("reference", "name")
    assert list(found) == [(name, name) for name in names]
