"""The past on the command line: who_may --at, and verify_access."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from apps.access.models import Override
from apps.accounts.models import Account, User
from apps.roles.scopes import Scope
from apps.teams.models import Membership
from tests.access.histories import clock
from tests.access.test_fold import unlogged
from tests.access.test_who_could import stated
from tests.commands.conftest import Run
from tests.orgfiles.files import ANN, BEN

pytestmark = pytest.mark.django_db
LEAD = "lead:acme/L-17"


def let_everybody_see_leads(acme: Account) -> None:
    for member in Membership.objects.filter(account=acme, branch__slug="north"):
        Override.objects.create(
            account=acme,
            branch_id=member.branch_id,
            user_id=member.user_id,
            permission="view_lead",
            scope=Scope.ALL,
            reason="Everybody helps",
        )


class TestWhoMayAt:
    def test_it_lists_who_might_then_and_says_what_that_is_known_from(self, acme: Account, run: Run) -> None:
        before = clock()
        stated(lambda: let_everybody_see_leads(acme))
        stated(lambda: User.objects.filter(email=BEN).update(name="Benedict"))
        assert BEN in run("who_may", "view_lead", LEAD).lines
        result = run("who_may", "view_lead", LEAD, "--at", before.isoformat())
        assert (result.code, result.err) == (0, "")
        assert result.lines == [
            ANN,
            "  - Ann Archer is Owner on North. The role gives “View leads: Permitted”.",
            "zoe@acme.example",
            "  - Zoe Zimmer has the parent role Viewer, which gives “View leads” on every branch.",
            "  - Zoe Zimmer is not a member of North.",
            "Sources:",
            f"  - Members, roles and access at {before.isoformat()}: from the audit log.",
            "  - Permissions of built-in roles and their prerequisites: as they are now.",
            "  - L-17 has its current state: its history has no relevant later change.",
        ]

    def test_json_has_the_same_with_the_time(self, acme: Account, run: Run) -> None:
        before = clock()
        stated(lambda: let_everybody_see_leads(acme))
        found = json.loads(run("who_may", "view_lead", LEAD, "--at", before.isoformat(), "--json").out)
        assert list(found) == ["users", "through", "at", "sources"]
        assert found["users"] == list(found["through"]) == [ANN, "zoe@acme.example"]
        assert (found["at"], len(found["sources"])) == (before.isoformat(), 3)
        after = json.loads(run("who_may", "view_lead", LEAD, "--at", clock().isoformat(), "--json").out)
        assert after["users"] == [ANN, BEN, "zoe@acme.example"]

    @pytest.mark.parametrize(
        ("time", "words"),
        [
            ("yesterday", '"yesterday" is not a valid time. Write it as 2027-01-31T09:00:00Z.'),
            ("2027-01-31T09:00:00", '"2027-01-31T09:00:00" has no time zone. Add Z for UTC'),
            ("2027-01-31", '"2027-01-31" has no time zone'),
        ],
    )
    def test_a_time_that_is_none_or_has_no_zone_ends_with_2(
        self, acme: Account, run: Run, time: str, words: str
    ) -> None:
        result = run("who_may", "view_lead", LEAD, "--at", time)
        assert (result.code, result.out) == (2, "")
        assert words in result.err

    def test_a_future_time_ends_with_2(self, acme: Account, run: Run) -> None:
        at = (clock() + timedelta(minutes=5)).isoformat()
        result = run("who_may", "view_lead", LEAD, "--at", at)
        assert (result.code, result.out, result.err) == (2, "", f"{at} is in the future.\n")

    def test_a_time_before_the_log_and_what_was_not_there_end_with_1(self, acme: Account, run: Run) -> None:
        result = run("who_may", "view_lead", LEAD, "--at", "2001-01-01T00:00:00Z")
        assert (result.code, result.out) == (1, "")
        assert result.err.startswith('The log of the account "acme" begins at ')
        result = run("who_may", "view_lead", "lead:acme/L-99", "--at", clock().isoformat())
        assert (result.code, result.out) == (1, "")
        assert result.err.startswith("L-99 doesn't exist and has no history")
        assert run("who_may", "view_contact", LEAD, "--at", clock().isoformat()).code == 1


class TestVerifyAccess:
    def test_all_is_as_the_log_says(self, acme: Account, run: Run) -> None:
        result = run("verify_access")
        assert (result.code, result.err) == (0, "")
        assert result.lines == ["the platform: matches the audit log", "acme: matches the audit log"]
        assert json.loads(run("verify_access", "acme", "--json").out) == {"acme": []}

    def test_what_is_not_is_named_and_ends_with_1(self, acme: Account, run: Run) -> None:
        member = Membership.objects.get(user__email=ANN)
        with unlogged("teams_membership"):
            Membership.objects.filter(pk=member.pk).update(status="removed", removed_at=member.joined_at)
        result = run("verify_access")
        assert (result.code, result.err) == (1, "The tables differ from the audit log, first in acme.\n")
        assert result.lines[1] == "acme: 2 differences"
        assert result.lines[3] == (f"  - teams.membership {member.pk}: status is 'removed', but the log has 'active'")
        (first, _) = json.loads(run("verify_access", "acme", "--json").out)["acme"]
        assert (first["label"], first["row"], first["column"]) == ("teams.membership", member.pk, "removed_at")

    def test_many_differences_are_counted_and_the_first_ones_shown(self, acme: Account, run: Run) -> None:
        with unlogged("access_override"):
            for number in range(30):
                Override.objects.create(
                    account=acme,
                    branch=acme.branches.get(slug="north"),
                    user=User.objects.get(email=ANN),
                    permission=f"p{number}",
                    scope=Scope.ALL,
                    reason="x",
                )
        result = run("verify_access", "acme")
        assert result.lines[0] == "acme: 30 differences"
        assert (len(result.lines), result.lines[-1]) == (22, "  - and 10 more")

    def test_an_unknown_account_ends_with_1(self, acme: Account, run: Run) -> None:
        result = run("verify_access", "globex")
        assert (result.code, result.err) == (1, 'There is no account "globex".\n')
