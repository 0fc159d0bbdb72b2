"""What who_may, visible, show_scheme and access_matrix print."""

import csv
import json

import pytest

from apps.accounts.models import Account, User
from apps.orgfiles import organisation
from apps.roles import catalogue
from apps.roles.schemes import scheme, scheme_keys
from apps.teams.models import Membership
from tests.commands.conftest import Run
from tests.orgfiles.files import ANN, BEN, CEM, ZOE


class TestWhoMay:
    def test_every_user_and_through_what(self, acme: Account, run: Run) -> None:
        result = run("who_may", "view_company", "company:acme/C-1")
        assert (result.code, result.err) == (0, "")
        assert result.lines == [
            ANN,
            "  - Ann Archer is Owner on North. The role gives “View companies: Permitted”.",
            BEN,
            "  - Ben Baker is Member on North. The role gives “View companies: If responsible”.",
            "  - C-1 is within this scope: Ben Baker owns it.",
            ZOE,
            "  - Zoe Zimmer has the parent role Viewer, which gives “View companies” on every branch.",
            "  - Zoe Zimmer is not a member of North.",
        ]

    def test_json(self, acme: Account, run: Run) -> None:
        found = json.loads(run("who_may", "manage_billing", "branch:acme/north", "--json").out)
        assert found["users"] == [ANN, BEN]
        assert found["through"][BEN] == [
            "Ben Baker is Member on North. An override (“Covers for Ann”) sets “Manage billing” to Permitted"
            " instead of the role."
        ]

    def test_nobody_is_an_answer(self, acme: Account, run: Run) -> None:
        assert run("who_may", "view_contact", "contact:acme/P-2").lines[0] == BEN
        Membership.objects.filter(branch__slug="south").delete()
        User.objects.filter(email=ZOE).update(is_active=False)
        result = run("who_may", "view_contact", "contact:acme/P-2")
        assert (result.code, result.out) == (0, "")

    @pytest.mark.parametrize("arguments", [("fly", "account:acme"), ("view_lead", "lead:acme/L-1")])
    def test_what_does_not_exist_ends_with_1(self, acme: Account, run: Run, arguments: tuple[str, str]) -> None:
        assert run("who_may", *arguments).code == 1


class TestVisible:
    def test_one_reference_a_line(self, acme: Account, run: Run) -> None:
        result = run("visible", BEN, "view_contact", "--account", "acme")
        assert (result.code, result.out, result.err) == (0, "P-1\nP-2\n", "")

    def test_json(self, acme: Account, run: Run) -> None:
        assert run("visible", ZOE, "view_task", "--account", "acme", "--json").out == '{"references": ["T-2"]}\n'

    def test_what_does_not_exist_ends_with_1_and_a_sentence(self, acme: Account, run: Run) -> None:
        assert run("visible", BEN, "view_lead", "--account", "globex").err == 'There is no account "globex".\n'
        assert run("visible", "x@y", "view_lead", "--account", "acme").err == 'There is no user "x@y".\n'
        result = run("visible", BEN, "view_billing", "--account", "acme")
        assert (result.code, result.err) == (1, "view_billing is asked of a branch, not of a record.\n")

    def test_the_account_must_be_named(self, run: Run) -> None:
        assert run("visible", BEN, "view_lead").code == 2


class TestShowScheme:
    @pytest.mark.parametrize("key", scheme_keys())
    def test_json_holds_every_role_with_every_permission(self, run: Run, key: str) -> None:
        found = json.loads(run("show_scheme", key, "--json").out)
        assert list(found) == ["scheme", "name", "rules", "prerequisites", "roles"]
        assert list(found["rules"]) == ["many_branches", "up_only", "shield", "custom_roles"]
        assert [role["key"] for role in found["roles"]] == list(scheme(key).roles)
        everything = [permission.codename for permission in catalogue.permissions()]
        for role in found["roles"]:
            assert list(role) == ["key", "name", "kind", "rank", "single", "locked", "supreme", "grants"]
            assert list(role["grants"]) == everything

    def test_a_grant_is_a_list_of_reaches_and_whether_it_can_be_overridden(self, run: Run) -> None:
        roles = {role["key"]: role for role in json.loads(run("show_scheme", "amocrm", "--json").out)["roles"]}
        grants = roles["employee"]["grants"]
        assert grants["view_lead"] == {"scope": ["all"], "grantable": True}
        assert grants["change_lead"] == {"scope": ["responsible", "shared"], "grantable": True}
        assert grants["delete_lead"] == {"scope": [], "grantable": True}
        assert grants["view_billing"] == {"scope": [], "grantable": False}

    def test_prerequisites_are_the_whole_closure(self, run: Run) -> None:
        amocrm = json.loads(run("show_scheme", "amocrm", "--json").out)["prerequisites"]
        atlas = json.loads(run("show_scheme", "atlas", "--json").out)["prerequisites"]
        assert (amocrm["delete_lead"], atlas["delete_lead"]) == (["view_lead", "change_lead"], ["view_lead"])
        assert (amocrm["export_lead"], atlas["export_lead"]) == (["view_lead", "change_lead"], ["view_lead"])
        assert atlas["merge_contact"] == ["view_contact", "change_contact", "delete_contact"]
        assert atlas["sync_company"] == ["view_company"]
        assert atlas["change_own_targets"] == ["view_pipeline"]
        assert atlas["assign_record"] == ["view_T"]
        assert atlas["view_activity"] == ["view_T"]
        assert atlas["change_activity"] == ["view_activity", "view_T"]
        assert amocrm["delete_activity"] == ["view_activity", "change_activity", "view_T"]
        assert atlas["view_team_talk"] == ["view_project"]
        assert not {"view_lead", "add_lead", "bulk_edit", "download_vcard", "add_activity"} & atlas.keys()

    def test_the_table_names_the_rules_the_roles_and_the_cells(self, run: Run) -> None:
        lines = run("show_scheme", "staff-ladder").lines
        assert "- members can only be promoted" in lines
        assert "- Super Admin (super_admin): branch role, rank 7, single, locked" in lines
        (row,) = (line for line in lines if line.startswith("change_company "))
        assert row.split() == ["change_company", "all", "all", "all", "all", "x", "C", "x"]

    @pytest.mark.django_db
    def test_an_accounts_own_roles_come_last(self, run: Run) -> None:
        own = {"key": "closer", "name": "Closer", "based_on": "employee", "grants": {"export_lead": "all"}}
        organisation.create(
            organisation.parse(
                {
                    "account": {"slug": "firm", "scheme": "amocrm"},
                    "users": [{"email": ANN}],
                    "branches": [{"slug": "main"}],
                    "members": [{"user": ANN, "branch": "main", "role": "administrator"}],
                    "roles": [own],
                }
            )
        )
        roles = json.loads(run("show_scheme", "amocrm", "--account", "firm", "--json").out)["roles"]
        assert [role["key"] for role in roles] == ["administrator", "employee", "closer"]
        assert roles[2]["grants"] == roles[1]["grants"] | {"export_lead": {"scope": ["all"], "grantable": True}}
        lines = run("show_scheme", "amocrm", "--account", "firm").lines
        assert "- Closer (closer): branch role, rank 1, custom role" in lines
        result = run("show_scheme", "atlas", "--account", "firm")
        assert (result.code, result.err) == (1, 'The account "firm" follows the role system amocrm, not atlas.\n')

    @pytest.mark.django_db
    def test_what_does_not_exist_ends_with_1(self, run: Run) -> None:
        result = run("show_scheme", "atlantis")
        assert (result.code, result.err) == (
            1,
            'The role system "atlantis" does not exist: choose from amocrm, atlas, atmos, onepagecrm, staff-ladder.\n',
        )
        assert run("show_scheme", "atlas", "--account", "x").err == 'There is no account "x".\n'


class TestAccessMatrix:
    def test_json_tells_effective_scopes_and_what_an_override_has_a_part_in(self, acme: Account, run: Run) -> None:
        found = json.loads(run("access_matrix", "acme", "--format", "json").out)
        assert (found["account"], found["branch"]) == ("acme", None)
        rows = {(row["branch"], row["user"]): row for row in found["members"]}
        assert list(rows) == [("north", ANN), ("north", BEN), ("south", BEN), (None, ZOE)]
        ben = rows["north", BEN]
        assert (ben["role"], ben["parent_role"], ben["name"], ben["active"]) == ("member", None, "Ben Baker", True)
        assert ben["permissions"]["view_lead"] == {"scope": ["responsible", "shared"], "override": False}
        assert ben["permissions"]["delete_lead"] == {"scope": ["created", "team"], "override": True}
        assert ben["permissions"]["manage_billing"] == {"scope": ["all"], "override": True}
        assert rows["south", BEN]["permissions"]["manage_billing"] == {"scope": ["all"], "override": False}
        assert (rows[None, ZOE]["role"], rows[None, ZOE]["parent_role"]) == (None, "viewer")
        assert rows[None, ZOE]["permissions"]["view_lead"] == {"scope": ["all"], "override": False}

    def test_a_permission_of_the_account_is_the_union_over_its_branches(self, acme: Account, run: Run) -> None:
        Membership.objects.create(
            account=acme,
            branch=acme.branches.get(slug="south"),
            user=User.objects.get(email=ANN),
            role=Membership.objects.get(user__email=CEM).role,
        )
        rows = json.loads(run("access_matrix", "acme", "--branch", "south", "--format", "json").out)["members"]
        assert rows[0]["user"] == ANN
        assert rows[0]["permissions"]["manage_subscription"]["scope"] == ["all"]
        assert rows[0]["permissions"]["manage_billing"]["scope"] == []

    def test_csv_has_a_column_for_each_permission(self, acme: Account, run: Run) -> None:
        User.objects.filter(email=BEN).update(name="=1+1")
        rows = list(csv.DictReader(run("access_matrix", "acme", "--branch", "north", "--format", "csv").lines))
        head = ["branch", "user", "name", "active", "role", "parent_role"]
        assert list(rows[0]) == [*head, *(permission.codename for permission in catalogue.permissions())]
        assert [row["user"] for row in rows] == [ANN, BEN]
        assert (rows[1]["view_lead"], rows[1]["delete_lead"]) == ("responsible+shared", "created+team (override)")
        assert (rows[1]["export_lead"], rows[0]["export_lead"]) == ("none", "all")
        assert rows[1]["name"] == "'=1+1"

    def test_the_table_numbers_the_members(self, acme: Account, run: Run) -> None:
        lines = run("access_matrix", "acme").lines
        assert lines[:4] == [
            "   1  north  ann@acme.example  Ann Archer  owner",
            "   2  north  ben@acme.example  Ben Baker  member",
            "   3  south  ben@acme.example  Ben Baker  admin",
            "   4  zoe@acme.example  Zoe Zimmer  parent role viewer",
        ]
        (row,) = (line for line in lines if line.startswith("delete_lead "))
        assert row.split() == ["delete_lead", "all", "CT*", "all", "-"]

    def test_a_wide_table_comes_in_blocks(self, run: Run, db: None) -> None:
        people = [{"email": f"u{n:02}@acme.example"} for n in range(30)]
        organisation.create(
            organisation.parse(
                {
                    "account": {"slug": "wide", "scheme": "amocrm"},
                    "users": people,
                    "branches": [{"slug": "main"}],
                    "members": [{"user": p["email"], "branch": "main", "role": "administrator"} for p in people],
                }
            )
        )
        lines = run("access_matrix", "wide").lines
        assert max(map(len, lines)) <= 120
        rows = [line.split()[1:] for line in lines if line.startswith("view_lead ")]
        assert len(rows) > 1
        assert [cell for row in rows for cell in row] == ["all"] * 30

    def test_what_does_not_exist_ends_with_1_and_a_sentence(self, acme: Account, run: Run) -> None:
        assert run("access_matrix", "globex").err == 'There is no account "globex".\n'
        result = run("access_matrix", "acme", "--branch", "west")
        assert (result.code, result.err) == (1, 'There is no branch "west" in the account "acme".\n')
        assert run("access_matrix", "acme", "--format", "xml").code == 2
