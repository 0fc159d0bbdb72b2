"""Tables that are hung on the log: what they write, and what they refuse, whoever connects."""

import pytest
from django.db import IntegrityError, transaction

from apps.access.models import Override
from apps.audit.models import Entry, Operation
from apps.audit.services import CONSOLE, operation, origin
from apps.roles.models import RoleGrant
from apps.roles.scopes import Scope
from apps.teams.models import Membership, Team
from tests.audit.chains import ANN, VERB, report, sql
from tests.factories import Cast, OwnRoleFactory, make_cast, published

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    found = make_cast("atlas")
    sql("SELECT set_config('mandate.reason', '', true), set_config('mandate.operation', '', true)")
    return found


def test_a_write_without_a_reason_is_refused(cast: Cast) -> None:
    for write in (
        lambda: Membership.objects.filter(user=cast.member).update(role=published("atlas", "admin")),
        lambda: Membership.objects.filter(user=cast.member).delete(),
        lambda: cast.let(cast.member, "view_lead"),
        lambda: sql("UPDATE accounts_account SET name = name || '!' WHERE id = %s", cast.account.pk),
        lambda: sql("UPDATE accounts_user SET is_superuser = true WHERE id = %s", cast.member.pk),
    ):
        with pytest.raises(IntegrityError, match="is not changed without a reason"), transaction.atomic():
            write()
    assert Membership.objects.get(user=cast.member).role.key == "member"


@pytest.mark.parametrize("blank", ["", " ", "\t\n"])
def test_a_blank_reason_is_none(cast: Cast, blank: str) -> None:
    sql("SELECT set_config('mandate.reason', %s, true)", blank)
    with pytest.raises(IntegrityError, match="is not changed without a reason"), transaction.atomic():
        cast.let(cast.member, "view_lead")


def test_truncate_is_refused_whatever_the_reason(cast: Cast) -> None:
    sql("SELECT set_config('mandate.reason', 'Spring cleaning', true)")
    with pytest.raises(IntegrityError, match="TRUNCATE is refused"), transaction.atomic():
        sql("TRUNCATE access_override")


def test_one_statement_over_many_rows_writes_an_entry_for_each(cast: Cast) -> None:
    with operation(verb=VERB, actor=ANN, reason="Two more"):
        others = {cast.join().pk, cast.join().pk}
    with operation(verb=VERB, actor=ANN, reason="Everybody is promoted") as written:
        Membership.objects.filter(account=cast.account, role__key="member").update(role=published("atlas", "admin"))
        entries = list(Entry.objects.filter(operation=written.pk).order_by("pk"))
    assert {entry.user_id for entry in entries} == {cast.member.pk, *others}
    entry, before, after = entries[0], entries[0].before or {}, entries[0].after or {}
    assert (entry.account_id, entry.branch_id, entry.user_id) == (cast.account.pk, cast.branch.pk, cast.member.pk)
    assert (entry.target_type, entry.target_text) == ("teams.membership", "Ben Baker on North")
    assert (before["names"]["role"], after["names"]["role"]) == ("Member", "Admin")
    assert {key for key in before if before[key] != after[key]} == {"role_id", "names"}
    assert report(cast.account.pk).sound


def test_plain_sql_that_states_a_reason_is_one_operation_of_its_own(cast: Cast) -> None:
    sql("SELECT set_config('mandate.reason', 'Ticket 7', true)")
    sql("UPDATE teams_membership SET role_id = %s WHERE user_id = %s", published("atlas", "admin").pk, cast.member.pk)
    sql("UPDATE accounts_branch SET name = 'Nord' WHERE id = %s", cast.branch.pk)
    found = Operation.objects.get(verb="audit.changed_directly", reason="Ticket 7")
    assert found.actor_name.endswith(" at the database")
    assert [entry.target_type for entry in found.entries.order_by("pk")] == ["teams.membership", "accounts.branch"]


def test_what_comes_and_goes_is_written_with_its_one_side(cast: Cast) -> None:
    with operation(verb=VERB, actor=None, reason="Covers for Ann") as written:
        cast.let(cast.member, "view_lead")
        Override.objects.all().delete()
        came, went = Entry.objects.filter(operation=written.pk).order_by("pk")
    assert (came.before, went.after) == (None, None)
    row = came.after or {}
    assert row == went.before
    assert (row["scope"], row["names"]["user"]) == (["all"], "Ben Baker")
    assert came.operation.actor_name == CONSOLE


def test_what_changes_nothing_needs_no_reason_and_leaves_no_trace(cast: Cast) -> None:
    count = Operation.objects.count()
    Membership.objects.filter(user=cast.outsider).update(status="active")
    Override.objects.all().delete()
    sql("UPDATE accounts_account SET access_version = access_version + 1")
    cast.member.last_login = None
    cast.member.set_password("another one")
    cast.member.save()
    with operation(verb=VERB, actor=ANN, reason="Nothing") as written:
        assert written.pk is None
    assert Operation.objects.count() == count


def test_an_operation_inside_of_another_is_its_own_and_leaves_the_outer_one_standing(cast: Cast) -> None:
    with operation(verb=VERB, actor=ANN, reason="Outer") as outer:
        cast.let(cast.member, "view_lead")
        with operation(verb=VERB, actor=ANN, reason="Inner") as inner:
            cast.let(cast.member, "view_contact")
            inner_pk = inner.pk
        cast.let(cast.member, "view_company", Scope.NONE)
        outer_pk = outer.pk
    assert outer_pk != inner_pk
    assert Entry.objects.filter(operation=outer_pk).count() == 2
    assert Entry.objects.filter(operation=inner_pk).count() == 1
    with pytest.raises(IntegrityError, match="without a reason"), transaction.atomic():
        cast.let(cast.member, "view_task")


def test_what_fails_inside_leaves_neither_the_change_nor_the_statement(cast: Cast) -> None:
    def half_way() -> None:
        with operation(verb=VERB, actor=ANN, reason="Then it breaks"):
            cast.let(cast.member, "view_lead")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half_way()
    assert not Override.objects.exists()
    assert not Operation.objects.filter(reason="Then it breaks").exists()
    with pytest.raises(IntegrityError, match="without a reason"), transaction.atomic():
        cast.let(cast.member, "view_lead")


def test_where_it_came_from_and_whom_they_acted_as_are_kept(cast: Cast) -> None:
    with origin(ip="192.0.2.7", acting_as=cast.owner), operation(verb=VERB, actor=ANN, reason="x") as written:
        cast.let(cast.member, "view_lead")
        found = Operation.objects.get(pk=str(written.pk))
    assert (found.ip, found.acting_as_name, found.actor_name) == ("192.0.2.7", "Ann Archer", "Ann Archer")


def test_an_id_never_changes(cast: Cast) -> None:
    with operation(verb=VERB, actor=ANN, reason="x"):
        team = cast.team(cast.member)
        with pytest.raises(IntegrityError, match="the id of a row of teams_team never changes"), transaction.atomic():
            sql("UPDATE teams_team SET id = id + 1000000 WHERE id = %s", team.pk)
    assert Team.objects.get() == team


def test_a_row_never_moves_to_another_account(cast: Cast) -> None:
    moves = "UPDATE teams_team SET account_id = %s, branch_id = %s WHERE id = %s"
    with operation(verb=VERB, actor=ANN, reason="x"):
        team = cast.team(cast.member)
        with pytest.raises(IntegrityError, match="never moves to another account"), transaction.atomic():
            sql(moves, cast.elsewhere.account_id, cast.elsewhere.pk, team.pk)
    assert Team.objects.get().account == cast.account


def test_a_line_of_a_role_that_is_gone_is_refused_rather_than_unlogged(cast: Cast) -> None:
    with operation(verb=VERB, actor=ANN, reason="x"):
        role = OwnRoleFactory(account=cast.account)
        RoleGrant.objects.create(role=role, permission="view_lead", scope=Scope.ALL)
        with pytest.raises(IntegrityError), transaction.atomic():
            sql(
                "WITH gone AS (DELETE FROM roles_role WHERE id = %s RETURNING id)"
                " DELETE FROM roles_rolegrant WHERE role_id IN (SELECT id FROM gone)",
                role.pk,
            )
    assert RoleGrant.objects.filter(role=role).exists()


def test_a_users_rights_are_the_platforms_own_chain(cast: Cast) -> None:
    with operation(verb=VERB, actor=ANN, reason="Left the company") as written:
        cast.member.is_active = False
        cast.member.save()
        entry = Entry.objects.get(operation=written.pk)
    assert (entry.account_id, entry.user_id, entry.target_type) == (0, cast.member.pk, "accounts.user")
    before, after = entry.before or {}, entry.after or {}
    assert (before["is_active"], after["is_active"]) == (True, False)
    assert "password" not in after
