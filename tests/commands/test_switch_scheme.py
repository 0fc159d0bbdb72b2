"""`switch_scheme`: the map and its mistakes, and what becomes of everybody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from apps.accounts.models import Account
from apps.audit.models import Entry, Operation
from apps.teams.models import Membership, ParentMembership
from tests.commands.conftest import Result, Run
from tests.factories import Cast, OwnRoleFactory, ParentMembershipFactory, make_cast

WHY = ("--reason", "Another way to work")
TO_AMOCRM = "owner: administrator\nadmin: administrator\nmember: employee\nsuper_admin: null\nviewer: ~\n"


@pytest.fixture
def cast(db: None) -> Cast:
    """An Atlas account `acme` with Ann as owner and Super Admin and Ben as a member."""
    return make_cast("atlas")


@pytest.fixture
def switch(run: Run, tmp_path: Path) -> Any:
    def switch_scheme(text: str | bytes, *more: str, to: str = "amocrm", name: str = "map.yaml") -> Result:
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return run("switch_scheme", "acme", to, "--map", str(path), *WHY, *more)

    return switch_scheme


def held(cast: Cast) -> dict[str, str]:
    found = Membership.objects.filter(account=cast.account).values_list("user__email", "role__scheme", "role__key")
    return {email: f"{scheme}/{key}" for email, scheme, key in found}


def scheme(cast: Cast) -> str:
    return Account.objects.get(pk=cast.account.pk).scheme


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (TO_AMOCRM, "map.yaml"),
        ('{"owner": "administrator", "admin": "administrator", "member": "employee", "super_admin": null}', "map.json"),
        ("role,becomes\nowner,administrator\nmember,employee\nsuper_admin,\n", "map.csv"),
        ("\ufeffrole;becomes\r\nowner;administrator\r\nmember;employee\r\nsuper_admin;\r\n", "MAP.CSV"),
    ],
)
def test_everybody_gets_what_the_map_says_in_one_operation(cast: Cast, switch: Any, text: str, name: str) -> None:
    result = switch(text, name=name)
    operation = Operation.objects.get(verb="access.scheme.switched")
    assert (result.code, result.err) == (0, "")
    assert result.out == f"Changed 4 rows in acme (operation {operation.pk}).\n"
    assert scheme(cast) == "amocrm"
    assert held(cast) == {cast.owner.email: "amocrm/administrator", cast.member.email: "amocrm/employee"}
    assert not ParentMembership.objects.filter(account=cast.account).exists()
    assert Entry.objects.filter(operation=operation).count() == 4


def test_a_dry_run_writes_nothing(cast: Cast, switch: Any) -> None:
    result = switch(TO_AMOCRM, "--dry-run")
    assert (result.code, result.err) == (0, "")
    assert result.lines[:2] == ["Would change 4 rows in acme.", "2 members are affected:"]
    gained = "  View leads on North: If responsible → Permitted (Member → Employee)"
    assert gained in result.lines[result.lines.index("Ben Baker:") :]
    assert (scheme(cast), held(cast)[cast.member.email]) == ("atlas", "atlas/member")


def test_own_roles_are_mapped_by_their_keys(run: Run, db: None, tmp_path: Path) -> None:
    cast = make_cast("amocrm")
    seller = cast.join(OwnRoleFactory(account=cast.account, key="seller"))
    path = tmp_path / "map.yaml"
    path.write_text("administrator: owner\nemployee: member\nseller: admin\n")
    result = run("switch_scheme", "acme", "atlas", "--map", str(path), *WHY, "--actor", cast.owner.email)
    assert (result.code, result.err) == (0, "")
    assert held(cast)[seller.email] == "atlas/admin"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "The map is not a mapping. Write a line such as employee: member for each role."),
        ("- owner\n", "The map is not a mapping. Write a line such as employee: member for each role."),
        (
            "owner: [administrator]\n",
            "line 1: Each role becomes exactly one role. Write a line such as employee: member.",
        ),
        ("[" * 200_000, "The map is not a mapping. Write a line such as employee: member for each role."),
        (
            "owner: " + "[" * 200_000,
            "line 1: Each role becomes exactly one role. Write a line such as employee: member.",
        ),
        ("{owner: " * 200_000, "line 1: Each role becomes exactly one role. Write a line such as employee: member."),
        (
            "owner: &all administrator\nmember: *all\n",
            "line 2: Each role becomes exactly one role. Write a line such as employee: member.",
        ),
        ("owner: administrator\n---\nmember: employee\n", "The map has a second document. Keep only one."),
        ("owner: administrator\nowner: employee\n", "line 2: “owner” is already on line 1."),
        (
            "owner: administrator\nmembr: employee\n",
            "line 2: Acme has no role “membr”. Choose from admin, billing_admin, member, owner, super_admin, viewer.",
        ),
        (
            "owner: administrator\nsuper_admin: null\n",
            "The role mapping is missing member. Map every role that a member has.",
        ),
        ("owner: 'administrator\n", "line 2: This is not valid YAML: found unexpected end of stream."),
        (TO_AMOCRM.encode("utf-16"), "The map is not UTF-8. Save the file in that encoding."),
        (TO_AMOCRM.replace("employee", "boss"), "member can't become “boss”: amoCRM has no such branch role."),
        (
            TO_AMOCRM.replace("employee", "null"),
            "Map member to a role of amoCRM. Only a parent role can be ended without a new role.",
        ),
    ],
)
def test_a_map_that_is_off_is_refused_in_a_sentence(cast: Cast, switch: Any, text: str | bytes, said: str) -> None:
    result = switch(text)
    assert (result.code, result.out) == (1, "")
    assert result.err == f"{said}\n"
    assert (scheme(cast), Operation.objects.filter(verb="access.scheme.switched").count()) == ("atlas", 0)


@pytest.mark.parametrize(
    "text", ["role,becomes\nowner,administrator,x\n", "role,becomes\nowner,administrator\nowner,employee\n"]
)
def test_a_csv_map_that_is_off_is_refused_by_its_line(cast: Cast, switch: Any, text: str) -> None:
    result = switch(text, name="map.csv")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("line ")


def test_guards_bind_the_operator_too(cast: Cast, switch: Any) -> None:
    second = cast.join("owner")
    single = switch("owner: account_owner\nmember: user\nsuper_admin: null\n", to="onepagecrm")
    assert (single.code, "can have only one holder" in single.err) == (1, True)
    cast.remove(second)
    assert switch("owner: employee\nmember: employee\nsuper_admin: null\n").code == 1
    cast.branch_beside()
    several = switch(TO_AMOCRM)
    assert (several.code, "several are open" in several.err) == (1, True)
    assert scheme(cast) == "atlas"


def test_an_actor_needs_every_right(cast: Cast, switch: Any) -> None:
    admin = cast.join("admin")
    result = switch(TO_AMOCRM, "--actor", admin.email)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("You need the permission")
    ParentMembershipFactory(account=cast.account, user=admin, role="super_admin")
    assert switch(TO_AMOCRM, "--actor", admin.email).code == 0


def test_arguments_that_are_off_end_with_2(cast: Cast, run: Run) -> None:
    assert run("switch_scheme", "acme", "pipedrive", "--map", "x.yaml", *WHY).code == 2
    assert run("switch_scheme", "acme", "amocrm", *WHY).code == 2
    assert run("switch_scheme", "acme", "amocrm", "--map", "no-such-file.yaml", *WHY).code == 1
