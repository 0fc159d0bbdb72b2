"""What someone cannot view is named nowhere: no record in a refusal, no address of the shielded on any page."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
import zeal
from django.test import Client

from apps.access.models import AccessRequest
from apps.accounts.models import User
from apps.audit.models import Operation
from apps.changes.refusals import Guard, Refusal
from apps.changes.sharing import GrantShare
from apps.changes.teams import ChangeTeam
from apps.changes.undo import Undo
from apps.roles.models import Role
from apps.roles.scopes import Scope
from tests.admin import routes as admin_routes
from tests.admin.people import browser, everything, staff
from tests.factories import FACTORIES, Cast, ContactFactory, LeadFactory, OverrideFactory, TeamFactory, make_cast, share
from tests.pages.table import ROUTES, ROWS
from tests.pages.test_routes import address_of

pytestmark = pytest.mark.django_db
NAME = "Milton Waddams"
SECRET = "shielded.and.secret@nowhere.example"


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def actor(cast: Cast) -> User:
    """Someone with every right, but on records only on their own ones, and without deleting any."""
    own = {code: Scope.RESPONSIBLE for code in everything() if code.partition("_")[2] in FACTORIES}
    return staff(cast.branch, everything() | own | {"delete_contact": Scope.NONE}, name="Nora Nobody")


def says_nothing_of(record: Any, text: str) -> None:
    assert record.reference not in text, text
    assert record.name not in text, text
    assert "contact" not in text.lower(), text


def test_a_team_that_gives_more_is_refused_without_what_is_shared(cast: Cast, actor: User) -> None:
    contact = ContactFactory(branch=cast.branch, name=NAME)
    team = TeamFactory(branch=cast.branch, members=[cast.owner])
    share(contact, team, "view")
    change = ChangeTeam(
        account_id=cast.account.pk, team_id=team.pk, user_ids=frozenset({cast.owner.pk, cast.member.pk})
    )
    with pytest.raises(Refusal) as caught:
        change.apply(actor=actor, reason="She helps out")
    assert caught.value.guard is Guard.ESCALATION
    says_nothing_of(contact, str(caught.value))


def test_of_a_record_in_sight_the_refusal_names_it(cast: Cast, actor: User) -> None:
    contact = ContactFactory(branch=cast.branch, name=NAME, responsible=actor)
    team = TeamFactory(branch=cast.branch, members=[cast.owner])
    share(contact, team, "view", "delete")
    change = ChangeTeam(
        account_id=cast.account.pk, team_id=team.pk, user_ids=frozenset({cast.owner.pk, cast.member.pk})
    )
    with pytest.raises(Refusal, match=contact.reference):
        change.apply(actor=actor, reason="She helps out")


def test_undoing_a_share_of_a_record_out_of_sight_says_that_there_is_none(cast: Cast, actor: User) -> None:
    contact = ContactFactory(branch=cast.branch, name=NAME)
    GrantShare(
        account_id=cast.account.pk,
        record_type="contact",
        record_id=contact.pk,
        user_id=cast.member.pk,
        verbs=frozenset({"view"}),
    ).apply(actor=None, reason="To help out")
    operation = Operation.objects.latest("pk")
    with pytest.raises(Refusal) as caught:
        Undo(account_id=cast.account.pk, operation_id=operation.pk).apply(actor=actor, reason="No more")
    assert str(caught.value) == "That record doesn't exist."


def test_a_request_about_a_record_out_of_sight_names_it_nowhere(cast: Cast, actor: User) -> None:
    lead = LeadFactory(branch=cast.branch, name=NAME)
    asked = AccessRequest.objects.create(
        account=cast.account,
        branch=cast.branch,
        user=cast.member,
        permission="view_lead",
        record_type="lead",
        record_id=lead.pk,
        message="To help out",
    )
    client = browser(actor)
    client.raise_request_exception = False
    pages = [f"/a/{cast.account.slug}/requests/{asked.pk}/{act}" for act in ("", "approve/", "decline/")]
    pages += [f"/admin/access/accessrequest/{asked.pk}/change/{do}" for do in ("", "?do=approve", "?do=decline")]
    for page in pages:
        for answer in (client.get(page), client.post(page, {"reason": "x", "confirmed": "1"})):
            text = answer.content.decode()
            assert answer.status_code < 500
            assert NAME not in text, page
            assert lead.reference not in text, page


# The shield


@pytest.fixture
def ladder() -> Cast:
    """A staff ladder whose super admin does everything that shows a person on a page."""
    cast = make_cast("staff-ladder")
    User.objects.filter(pk=cast.owner.pk).update(email=SECRET, name="Ann Archer")
    TeamFactory(branch=cast.branch, members=[cast.owner, cast.member])
    OverrideFactory(branch=cast.branch, user=cast.member)
    for record_type, factory in FACTORIES.items():
        about = {"about_lead": LeadFactory(branch=cast.branch)} if record_type == "activity" else {}
        factory(branch=cast.branch, responsible=cast.owner, created_by=cast.owner, **about)
    AccessRequest.objects.create(
        account=cast.account,
        branch=cast.branch,
        user=cast.owner,
        permission="view_lead",
        scope=Scope.ALL,
        message="A message",
    )
    return cast


def addresses(cast: Cast, viewer: User) -> list[str]:
    """Every page of the account, and every list and record of the admin, with searches for the address."""
    named: dict[str, Any] = {"": {}}
    for name, maker in ROWS.items():
        # The ladder has no custom roles, so some rows cannot be there.
        with contextlib.suppress(Role.DoesNotExist):
            named[name] = maker(cast.branch, viewer)
    routes = [route for route in ROUTES if route.method == "GET" and route.row in named]
    assert len(routes) > 50
    pages = [address_of(route, cast.account, named[route.row]) for route in routes]
    found = [*pages, *(f"{page}?q=Ann" for page in pages if page.endswith(("people/", "members/", "matrix/")))]
    for record_type, factory in FACTORIES.items():
        row = factory._meta.model.objects.filter(branch=cast.branch, responsible=cast.owner).first()
        if row is None:
            continue
        found.append(f"/a/{cast.account.slug}/access/{record_type}/{row.reference}/")
        found += [f"/admin/crm/{record_type}/{row.pk}/{page}/" for page in ("change", "rights", "history")]
    found += [f"/a/{cast.account.slug}/matrix/export/?format={form}" for form in ("csv", "json")]
    return found + [f"/{frame.pattern}" for frame in admin_routes.FRAMES if "(" not in frame.pattern]


def test_nobody_reads_the_address_of_the_shielded(ladder: Cast) -> None:
    viewer = staff(ladder.branch, everything(), name="Zoe Zephyr")
    client = browser(viewer)
    client.raise_request_exception = False
    shown = []
    lists = [
        route.pattern for route in admin_routes.access_routes() if route.method == "GET" and "<" not in route.pattern
    ]
    for address in [*addresses(ladder, viewer), *(f"/{pattern}" for pattern in lists)]:
        with zeal.zeal_ignore():
            answer: Any = client.get(address)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert answer.status_code < 500, address
        if SECRET.partition("@")[0].encode() in body:
            shown.append(address)
    assert shown == []


def test_they_are_found_by_no_search_for_it(ladder: Cast) -> None:
    client = browser(staff(ladder.branch, everything(), name="Zoe Zephyr"))
    lead = ladder.branch.account.slug
    row = FACTORIES["lead"]._meta.model.objects.get(responsible=ladder.owner)
    page = client.get(f"/a/{lead}/access/lead/{row.reference}/?q=nowhere.example")
    assert page.context["matching"] == 0
    assert client.get(f"/a/{lead}/access/lead/{row.reference}/?q=ann").context["matching"] == 1
    for table in ("accessrequest", "parentmembership", "membership"):
        app = "access" if table == "accessrequest" else "teams"
        address = f"/admin/{app}/{table}/?q="
        rows = client.get(f"{address}nowhere.example").context["cl"].result_list
        assert not [each for each in rows if each.user_id == ladder.owner.pk], table
    assert client.get("/admin/access/accessrequest/?q=Ann+message").context["cl"].result_list.count() == 1


def test_they_themselves_read_it(ladder: Cast) -> None:
    User.objects.filter(pk=ladder.owner.pk).update(is_staff=True)
    client = Client()
    client.force_login(User.objects.get(pk=ladder.owner.pk), backend="apps.accounts.backends.SignInBackend")
    row = FACTORIES["lead"]._meta.model.objects.get(responsible=ladder.owner)
    assert SECRET in client.get(f"/a/{ladder.account.slug}/access/lead/{row.reference}/").content.decode()
