"""What there is after an organisation was created."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO

import pytest
from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import Group
from django.utils import timezone

from apps.access.models import Override
from apps.access.policy import may, who_may
from apps.accounts.models import Account, Branch, User
from apps.audit.models import Entry, Operation
from apps.audit.verification import verify
from apps.crm.models import Activity, Company, Contact, Lead, LeadStatus, Opportunity, ReferenceCounter, Source, Task
from apps.crm.models.shares import CompanyTeamShare, CompanyUserShare
from apps.orgfiles import organisation
from apps.roles.models import Role, RoleGrant
from apps.roles.schemes import scheme
from apps.roles.scopes import Scope
from apps.teams.models import Membership, ParentMembership, Team
from tests.orgfiles.files import ACME, ANN, BEN, CEM, DORA, acme

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> Account:
    return organisation.create(organisation.parse(ACME))


def test_the_account_is_as_the_file_says(account: Account) -> None:
    assert (account.slug, account.name, account.scheme, account.currency) == ("acme", "Acme Ltd", "atlas", "EUR")
    assert (account.status, account.features) == ("active", None)


def test_a_state_and_a_plan_can_be_said() -> None:
    said = ACME["account"] | {"status": "closing", "features": ["projects"]}
    account = organisation.create(organisation.parse(acme(account=said)))
    account.refresh_from_db()
    assert (account.status, account.features) == ("closing", ["projects"])


def test_only_the_account_must_be_said_as_long_as_somebody_keeps_it() -> None:
    data = {
        "account": {"slug": "tiny", "scheme": "atlas"},
        "users": [{"email": "Zoe@Acme.example"}],
        "parent_roles": [{"user": "zoe@acme.example", "role": "super_admin"}],
    }
    tiny = organisation.create(organisation.parse(data))
    assert (tiny.name, Branch.objects.filter(account=tiny).count()) == ("tiny", 0)


def test_users_sign_in_with_their_password_or_not_yet(account: Account) -> None:
    ann, ben, cem = (User.objects.get(email=email) for email in (ANN, BEN, CEM))
    assert (ann.name, ann.is_staff, ann.is_superuser) == ("Ann Archer", True, False)
    assert check_password("a secret of Ann's", ann.password)
    assert (ben.has_usable_password(), ben.is_staff, ben.is_active) == (False, False, True)
    assert not cem.is_active


def test_teams_have_their_groups(account: Account) -> None:
    team = Team.objects.get(branch__slug="north", slug="sales")
    assert team.group.name == f"team:{team.pk}"
    assert {member.user.email for member in team.members.select_related("user")} == {ANN, BEN}
    assert not Group.objects.filter(name__startswith="team:new").exists()


def test_memberships_and_parent_roles_are_there(account: Account) -> None:
    removed = Membership.objects.get(user__email=CEM)
    assert (removed.status, removed.removed_at is None) == ("removed", False)
    assert Membership.objects.get(user__email=BEN, branch__slug="south").role.key == "admin"
    assert ParentMembership.objects.get(account=account).role.key == "viewer"


def test_overrides_are_there_with_their_end(account: Account) -> None:
    override = Override.objects.get(permission="delete_lead")
    assert override.scope == Scope.CREATED | Scope.TEAM
    assert (override.reason, override.author) == ("For the spring campaign", None)
    assert override.expires_at == datetime(2027, 1, 31, tzinfo=UTC)


def test_records_have_the_fields_of_the_file(account: Account) -> None:
    company = Company.objects.get(account=account)
    assert (company.emails, company.phones, company.tags) == (
        ["office@initech.example"],
        ["+49301234567"],
        ["key account"],
    )
    assert (company.size, company.source and company.source.name) == ("10-49", "Referral")
    lead = Lead.objects.get(account=account)
    assert (lead.value.amount, str(lead.value.currency)) == (Decimal("1200.50"), "EUR")
    assert lead.status is not None
    assert (lead.status.name, lead.responsible, lead.created_by) == ("Warm", None, None)
    opportunity = Opportunity.objects.get(account=account)
    assert (opportunity.amount.amount, str(opportunity.amount.currency)) == (Decimal("99.90"), "USD")
    assert (opportunity.lead, opportunity.probability, opportunity.close_date) == (lead, 40, date(2027, 3, 1))


def test_links_between_records_are_there(account: Account) -> None:
    company = Company.objects.get(account=account)
    peter = Contact.objects.get(account=account, reference="P-1")
    assert (peter.company, peter.private, peter.responsible and peter.responsible.email) == (company, True, BEN)
    task = Task.objects.get(account=account, reference="T-1")
    assert (task.about, task.priority, task.due_at) == (peter, 3, datetime(2027, 2, 1, 8, tzinfo=UTC))
    assert Activity.objects.get(account=account).about == company


def test_a_done_task_knows_when_and_by_whom(account: Account) -> None:
    task = Task.objects.get(account=account, reference="T-2")
    assert task.done
    assert task.done_at is not None
    assert task.done_by is not None
    assert task.done_by.email == CEM


def test_records_may_come_in_any_order(account: Account) -> None:
    data = acme(account=ACME["account"] | {"slug": "other"}, records=list(reversed(ACME["records"])))
    other = organisation.create(organisation.parse(data))
    assert Contact.objects.get(account=other, reference="P-1").company == Company.objects.get(account=other)


def test_records_are_as_old_as_the_file_says() -> None:
    record = {"type": "lead", "ref": "L-1", "branch": "north", "created_at": "2020-02-02T02:02:02Z"}
    organisation.create(organisation.parse(acme(records=[record], shares=[])))
    assert Lead.objects.get().created_at == datetime(2020, 2, 2, 2, 2, 2, tzinfo=UTC)


def test_an_account_gets_its_lists_and_what_the_records_add_to_them(account: Account) -> None:
    names = list(LeadStatus.objects.filter(account=account).values_list("name", flat=True))
    assert names[0] == "New"
    assert names[-1] == "Warm"
    assert Source.objects.filter(account=account, name="Referral").count() == 1


def test_new_references_come_after_those_of_the_file(account: Account) -> None:
    assert ReferenceCounter.objects.allocate(account.pk, "lead") == ["L-18"]
    assert ReferenceCounter.objects.allocate(account.pk, "contact") == ["P-3"]


def test_a_reference_that_was_not_counted_moves_no_counter() -> None:
    refs = ["L-9223372036854775807", "l-50", "L-x", "L-²", "50", "L-4"]
    records = [{"type": "lead", "ref": ref, "branch": "north"} for ref in refs]
    account = organisation.create(organisation.parse(acme(records=records, shares=[])))
    assert ReferenceCounter.objects.allocate(account.pk, "lead") == ["L-5"]


def test_shares_are_there_for_users_and_for_teams(account: Account) -> None:
    given = CompanyUserShare.objects.values_list("user__email", "permission__codename", "reason")
    assert set(given) == {
        (DORA, "view_company", "Second accountant"),
        (DORA, "change_company", "Second accountant"),
    }
    assert CompanyTeamShare.objects.get().group.team.slug == "sales"


def test_the_import_is_one_operation_of_the_operator_at_the_console(account: Account) -> None:
    operation = Operation.objects.get()
    assert (operation.verb, operation.actor_id) == ("accounts.account.imported", None)
    entry = Entry.objects.get(operation=operation, target_type="crm.import")
    assert (entry.account_id, entry.target_text) == (account.pk, "Acme Ltd")
    written = set(Entry.objects.filter(operation=operation).values_list("target_type", flat=True))
    assert {"accounts.account", "accounts.branch", "teams.membership", "access.override"} < written
    assert entry.after is not None
    assert entry.after["counts"]["records"] == 8
    assert all(report.sound for report in verify(account.pk))


def test_the_operation_names_the_file() -> None:
    file = BytesIO(b"account: {slug: x, scheme: atlas}\nusers: [{email: ann@acme.example}]\n")
    file.write(b"parent_roles: [{user: ann@acme.example, role: super_admin}]") if file.seek(0, 2) else None
    file.seek(0)
    file.name = "/home/x/acme.yaml"
    organisation.create(organisation.load(file))
    assert Operation.objects.get().reason == "Imported from acme.yaml"


def test_a_known_user_is_the_same_user_and_is_not_changed(account: Account) -> None:
    before = User.objects.filter(email=ANN).values().get()
    data = acme(account=ACME["account"] | {"slug": "other"})
    data["users"][0] = {"email": ANN, "password": "a secret of Ann's"}
    other = organisation.create(organisation.parse(data))
    assert User.objects.filter(email=ANN).values().get() == before
    assert User.objects.count() == len(ACME["users"])
    assert Membership.objects.filter(account=other, user__email=ANN).exists()


class TestOwnRoles:
    """An account's own roles are copies of branch roles with other grants."""

    @pytest.fixture
    def firm(self) -> Account:
        own = {
            "key": "closer",
            "name": "Closer",
            "based_on": "employee",
            "grants": {"export_lead": "all", "view_lead": ["team"], "view_billing": "all", "crm.add_task": "none"},
        }
        found = organisation.parse(
            {
                "account": {"slug": "firm", "scheme": "amocrm"},
                "users": [{"email": ANN}, {"email": BEN}],
                "branches": [{"slug": "main"}],
                "members": [
                    {"user": ANN, "branch": "main", "role": "administrator"},
                    {"user": BEN, "branch": "main", "role": "closer"},
                ],
                "roles": [own],
            }
        )
        assert found.notes == ("closer doesn't get view_billing: employee, which it is based on, never grants it.",)
        return organisation.create(found)

    def test_they_are_copies_with_other_grants(self, firm: Account) -> None:
        role = Role.objects.get(account_id=firm.pk)
        employee = scheme("amocrm").roles["employee"]
        assert (role.rank, role.kind, role.based_on and role.based_on.key) == (employee.rank, "branch", "employee")
        grants = {g.permission: (g.scope, g.grantable) for g in RoleGrant.objects.filter(role=role)}
        expected = {name: (grant.scope, grant.grantable) for name, grant in employee.grants.items()}
        changed = {
            "export_lead": (Scope.ALL, True),
            "view_lead": (Scope.TEAM, True),
            "add_task": (Scope.NONE, True),
        }
        assert grants == expected | changed

    def test_what_is_never_grantable_stays_so(self, firm: Account) -> None:
        ben = User.objects.get(email=BEN)
        branch = Branch.objects.get(account=firm)
        Override.objects.create(
            account=firm, branch=branch, user=ben, permission="view_billing", scope=Scope.ALL, reason="No use"
        )
        assert not may(ben, "view_billing", branch)


def test_an_import_may_state_what_has_no_effect() -> None:
    """An override that ended, one of what the role never grants, one of no member, a share of another branch's team."""
    ended = (timezone.now() - timedelta(days=999)).isoformat()
    overrides = [
        {"user": BEN, "branch": "north", "permission": "view_lead", "scope": "all", "reason": "x", "expires": ended},
        {"user": BEN, "branch": "north", "permission": "add_branch", "scope": "all", "reason": "x"},
        {"user": DORA, "branch": "north", "permission": "view_lead", "scope": "all", "reason": "x"},
    ]
    shares = [{"record": "company/C-1", "team": "south/sales", "permissions": ["view"], "reason": "x"}]
    account = organisation.create(organisation.parse(acme(overrides=overrides, shares=shares)))
    lead = Lead.objects.get(account=account)
    assert [user.email for user in who_may("view_lead", lead)] == [ANN, "zoe@acme.example"]


@pytest.mark.parametrize(("word", "kind"), [("email", "email"), ("meeting", "meeting"), ("note", "note")])
def test_a_choice_is_named_by_its_word_or_its_label(word: str, kind: str) -> None:
    data = acme()
    data["records"][7]["kind"] = word
    organisation.create(organisation.parse(data))
    assert Activity.objects.get().kind == kind


def test_a_task_may_be_about_what_moved_to_another_branch() -> None:
    data = acme()
    data["records"][6]["about"] = "contact/P-1"
    organisation.create(organisation.parse(data))
    task = Task.objects.get(reference="T-2")
    assert task.about is not None
    assert (task.branch.slug, task.about.branch.slug) == ("south", "north")


def test_a_small_organisation_takes_few_queries(django_assert_max_num_queries: object) -> None:
    found = organisation.parse(ACME)
    with django_assert_max_num_queries(55):  # type: ignore[operator] # pytest-django's fixture has no type to name
        organisation.create(found)
