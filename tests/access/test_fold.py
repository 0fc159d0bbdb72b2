"""The log folded from its beginning is what stands in the tables, row by row and column by column."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.apps import apps
from django.db import models, transaction

from apps.access.history.replay import Mismatch, differences, platform_tables, tables
from apps.accounts.models import Account, User
from apps.audit.models import PLATFORM, Entry
from apps.audit.services import operation
from apps.orgfiles.demo.loading import load_demo
from apps.teams.models import Membership
from tests.access.histories import CHANGES, History, share_a_record
from tests.audit.chains import VERB, sql
from tests.audit.test_every_table import guarded_models
from tests.factories import Cast, LeadFactory, make_cast, published, share

pytestmark = pytest.mark.django_db

HISTORIES = int(os.environ.get("MANDATE_RANDOM_HISTORIES", "3"))
# What no entry tells, and nobody asks of the past: the fold has it from the table.
UNTOLD = {
    "accounts.account": {"access_version"},
    "teams.invitation": {"token_digest"},
    "accounts.user": {"password", "password_mark", "last_login", "time_zone", "date_joined"},
}


@pytest.fixture
def cast() -> Cast:
    return make_cast("atlas")


@contextmanager
def unlogged(table: str) -> Iterator[None]:
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    yield
    sql(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def everywhere() -> Iterator[Mismatch]:
    for account_id in (PLATFORM, *Account.objects.values_list("pk", flat=True)):
        yield from differences(account_id)


def test_every_guarded_table_is_folded() -> None:
    assert {table.name for table in (*tables(), *platform_tables())} == {
        model._meta.db_table for model in guarded_models()
    }


def test_the_demo_is_what_its_log_says() -> None:
    load_demo()
    assert Account.objects.count() == 5
    assert list(everywhere()) == []
    assert Entry.objects.filter(account_id=PLATFORM).exists()


def test_entries_tell_every_column_but_those_that_nobody_asks_of_the_past() -> None:
    history = History(1, ("atlas", "amocrm"))
    unseen = {table.label for table in (*tables(), *platform_tables())}
    for _ in range(30):
        for change in (*CHANGES, *[share_a_record] * 20):
            history.step(change)
        entries = Entry.objects.filter(target_type__in=unseen).exclude(after=None)
        for label, image in entries.values_list("target_type", "after"):
            model: type[models.Model] = apps.get_model(label)
            columns = {field.column for field in model._meta.concrete_fields}
            assert columns - set(image or ()) == UNTOLD.get(label, set()), label
            unseen.discard(label)
        if not unseen:
            return
    raise AssertionError(f"no entry of {unseen}")


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_random_histories_fold_into_what_stands(seed: int) -> None:
    history = History(seed)
    for _ in range(10):
        for _ in range(20):
            history.step()
        assert list(everywhere()) == []
    assert history.taken > 60


def test_what_is_rolled_back_is_neither_in_the_log_nor_in_the_tables(cast: Cast) -> None:
    with transaction.atomic():
        with operation(verb=VERB, actor=None, reason="Taken back"):
            cast.let(cast.member, "view_lead")
        transaction.set_rollback(True)
    assert list(everywhere()) == []


class TestWhatIsDoneBehindTheLogsBack:
    """Whoever owns a table can switch its triggers off."""

    @pytest.fixture(autouse=True)
    def world(self, cast: Cast) -> None:
        self.cast = cast
        self.lead = LeadFactory(branch=cast.branch)
        share(self.lead, cast.member)

    def found(self) -> list[str]:
        return [difference.sentence for difference in differences(self.cast.account.pk)]

    def test_a_changed_column(self) -> None:
        member, admin = Membership.objects.get(user=self.cast.member), published("atlas", "admin")
        with unlogged("teams_membership"):
            Membership.objects.filter(pk=member.pk).update(role=admin)
        assert self.found() == [
            f"teams.membership {member.pk}: role_id is {admin.pk}, but the log has {member.role_id}"
        ]

    def test_a_row_that_was_put_in(self) -> None:
        with unlogged("access_override"):
            self.cast.let(self.cast.member, "view_lead")
        (sentence,) = self.found()
        assert sentence.startswith("access.override ")
        assert sentence.endswith(" is in the table, but not in the log")

    def test_a_row_that_was_taken_out(self) -> None:
        with unlogged("crm_leadusershare"):
            ((pk,),) = sql("DELETE FROM crm_leadusershare RETURNING id")
        assert self.found() == [f"crm.leadusershare {pk} is in the log, but not in the table"]

    def test_an_operator_whom_nobody_made(self) -> None:
        with unlogged("accounts_user"):
            User.objects.filter(pk=self.cast.member.pk).update(is_superuser=True)
        assert self.found() == []
        assert [difference.sentence for difference in differences(PLATFORM)] == [
            f"accounts.user {self.cast.member.pk} is in the table, but not in the log"
        ]

    def test_a_deactivation_that_was_undone(self) -> None:
        User.objects.filter(pk=self.cast.member.pk).update(is_active=False)
        with unlogged("accounts_user"):
            User.objects.filter(pk=self.cast.member.pk).update(is_active=True)
        assert [difference.sentence for difference in differences(PLATFORM)] == [
            f"accounts.user {self.cast.member.pk}: is_active is True, but the log has False"
        ]
