"""Constraints that the database enforces by itself, tested with raw SQL."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, models, transaction

from apps.access.records import Record
from apps.crm.models import Contact, CrmRecord, Lead, LeadStatus, Opportunity
from apps.crm.models.customisation import ListEntry
from apps.crm.services.rules import links_of
from tests.factories import (
    FACTORIES,
    ActivityFactory,
    ContactFactory,
    LeadFactory,
    OpportunityFactory,
    TaskFactory,
    UserFactory,
    make_cast,
    share,
)

pytestmark = pytest.mark.django_db

RECORDS = [model for model in apps.get_app_config("crm").get_models() if issubclass(model, CrmRecord)]
LINKS = [(model, field.name) for model in RECORDS for field in links_of(model)]
LISTS = [
    (model, field.name)
    for model in RECORDS
    for field in model._meta.concrete_fields
    if isinstance(field, models.ForeignKey) and issubclass(field.related_model, ListEntry)
]


def execute(sql: str, *params: Any) -> None:
    """Run a statement and what it left to the commit."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        cursor.execute(sql, params)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def point(record: Record, field: str, target: int) -> None:
    """Point a column of a record at a row, by raw SQL; what a task or a note is about already makes room."""
    abouts = set(record.about_fields)
    others = "".join(f", {name}_id = NULL" for name in abouts - {field} if field in abouts)
    execute(f"UPDATE {record._meta.db_table} SET {field}_id = %s{others} WHERE id = %s", target, record.pk)


@pytest.mark.parametrize(("model", "field"), LINKS, ids=lambda value: getattr(value, "__name__", value))
def test_a_record_links_to_one_of_its_own_account_and_to_no_other(model: type[CrmRecord], field: str) -> None:
    record = FACTORIES[model.record_type]()
    linked: str = model._meta.get_field(field).related_model.record_type  # type: ignore[union-attr] # it is a link
    point(record, field, FACTORIES[linked](branch=record.branch).pk)
    with pytest.raises(IntegrityError, match="same_account"):
        point(record, field, FACTORIES[linked]().pk)


@pytest.mark.parametrize("model", RECORDS, ids=lambda model: model.__name__)
def test_a_record_is_on_no_branch_of_another_account(model: type[CrmRecord]) -> None:
    record, elsewhere = FACTORIES[model.record_type](), make_cast().elsewhere
    with pytest.raises(IntegrityError, match="branch_same_account"):
        point(record, "branch", elsewhere.pk)


@pytest.mark.parametrize(("model", "field"), LISTS, ids=lambda value: getattr(value, "__name__", value))
def test_a_record_has_no_status_or_source_of_another_account(model: type[CrmRecord], field: str) -> None:
    # Only a call has a result.
    kind = {"kind": "call"} if field == "result" else {}
    record, elsewhere = FACTORIES[model.record_type](**kind), make_cast().elsewhere
    entries = model._meta.get_field(field).related_model._default_manager  # type: ignore[union-attr] # it is a link
    point(record, field, entries.filter(account=record.account)[0].pk)
    with pytest.raises(IntegrityError, match="same_account"):
        point(record, field, entries.filter(account=elsewhere.account)[0].pk)


@pytest.mark.parametrize("record_type", ["company", "contact", "lead", "opportunity", "task"])
@pytest.mark.parametrize("subject", ["user", "team"])
def test_a_share_is_of_a_record_of_its_own_account(record_type: str, subject: str) -> None:
    cast = make_cast()
    record, foreign = FACTORIES[record_type](branch=cast.branch), FACTORIES[record_type](branch=cast.elsewhere)
    share(record, cast.member if subject == "user" else cast.team(cast.member))
    with pytest.raises(IntegrityError, match="content_object_same_account"):
        execute(f"UPDATE crm_{record_type}{subject}share SET content_object_id = %s", foreign.pk)


@pytest.mark.django_db(transaction=True)
def test_a_link_across_accounts_does_not_get_past_the_commit() -> None:
    contact, company = ContactFactory(), FACTORIES["company"]()
    with pytest.raises(IntegrityError, match="crm_contact_company_same_account"):
        Contact.objects.filter(pk=contact.pk).update(company=company)
    assert Contact.objects.get(pk=contact.pk).company is None


def test_an_account_cannot_take_its_record_away_from_the_links_to_it() -> None:
    contact, elsewhere = ContactFactory(), make_cast().elsewhere
    LeadFactory(branch=contact.branch, contact=contact)
    with pytest.raises(IntegrityError, match="lead_contact_same_account"):
        execute(
            "UPDATE crm_contact SET account_id = %s, branch_id = %s WHERE id = %s",
            elsewhere.account_id,
            elsewhere.pk,
            contact.pk,
        )


def test_a_reference_is_unique_for_its_type_in_the_account_alone() -> None:
    lead = LeadFactory(reference="L-7")
    LeadFactory(reference="L-7")
    ContactFactory(branch=lead.branch, reference="L-7")
    with pytest.raises(IntegrityError, match="lead_reference"):
        LeadFactory(branch=lead.branch, reference="L-7")


def test_a_private_contact_has_a_responsible() -> None:
    ContactFactory(private=True, responsible=UserFactory())
    with pytest.raises(IntegrityError, match="private_contacts_have_a_responsible"):
        execute("UPDATE crm_contact SET responsible_id = NULL")


def test_an_activity_is_about_exactly_one_record() -> None:
    task = TaskFactory(branch=ActivityFactory().branch)
    with pytest.raises(IntegrityError, match="activities_are_about_exactly_one"):
        execute("UPDATE crm_activity SET about_lead_id = NULL")
    with pytest.raises(IntegrityError, match="activities_are_about_exactly_one"):
        execute("UPDATE crm_activity SET about_task_id = %s", task.pk)


def test_a_task_is_about_one_record_at_most() -> None:
    contact = ContactFactory(branch=TaskFactory(about=LeadFactory()).branch)
    with pytest.raises(IntegrityError, match="tasks_are_about_one_at_most"):
        execute("UPDATE crm_task SET about_contact_id = %s", contact.pk)
    execute("UPDATE crm_task SET about_lead_id = NULL")


def test_a_done_task_knows_when_and_an_open_one_knows_nobody_who_did_it() -> None:
    TaskFactory()
    with pytest.raises(IntegrityError, match="done_tasks_know_when"):
        execute("UPDATE crm_task SET done = true")
    with pytest.raises(IntegrityError, match="done_tasks_know_when"):
        execute("UPDATE crm_task SET done_by_id = %s", UserFactory().pk)


@pytest.mark.parametrize(("model", "column"), [(Lead, "value"), (Opportunity, "amount")], ids=["lead", "opportunity"])
def test_an_amount_has_a_currency(model: type[CrmRecord], column: str) -> None:
    record = FACTORIES[model.record_type]()
    with pytest.raises(IntegrityError, match="have_a_currency"):
        execute(f"UPDATE {model._meta.db_table} SET {column} = 12 WHERE id = %s", record.pk)


def test_a_probability_is_a_percentage() -> None:
    OpportunityFactory(probability=100)
    with pytest.raises(IntegrityError, match="opportunity_probability_is_a_share"):
        OpportunityFactory(probability=101)


def test_a_share_has_a_reason() -> None:
    cast = make_cast()
    share(LeadFactory(branch=cast.branch), cast.member)
    with pytest.raises(IntegrityError, match="leadusershare_has_a_reason"):
        execute("UPDATE crm_leadusershare SET reason = %s", "  \n")


def test_a_permission_is_shared_with_a_user_once() -> None:
    cast = make_cast()
    lead = LeadFactory(branch=cast.branch)
    share(lead, cast.member, "view", "change")
    with pytest.raises(IntegrityError):
        share(lead, cast.member, "view")


def test_a_status_in_use_stays() -> None:
    status = LeadStatus.objects.filter(account=(lead := LeadFactory()).account)[0]
    Lead.objects.filter(pk=lead.pk).update(status=status)
    with pytest.raises(IntegrityError, match="lead_status_same_account"):
        execute("DELETE FROM crm_leadstatus WHERE id = %s", status.pk)


def test_every_key_between_rows_of_accounts_is_a_composite_one() -> None:
    """Django's own keys by id alone would let one account's row point at another's."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint"
            " WHERE contype = 'f' AND cardinality(conkey) = 1 AND conrelid::regclass::text LIKE 'crm\\_%%'"
        )
        targets = {target for _, target in cursor.fetchall()}
    assert targets == {"accounts_account", "accounts_user", "auth_group", "auth_permission"}


def test_a_form_learns_of_a_broken_constraint_before_the_database_does() -> None:
    note, task = ActivityFactory(), TaskFactory()
    note.validate_constraints()
    task.validate_constraints()
    note.about_lead = None
    with pytest.raises(ValidationError, match="about one record"):
        note.validate_constraints()
    task.about_lead, task.about_contact = LeadFactory(), ContactFactory()
    with pytest.raises(ValidationError, match="about one record only"):
        task.validate_constraints()
