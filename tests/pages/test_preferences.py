"""The account's preferences: who sets them, and that every page, list and mail obeys them, in this account alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
import time_machine
import zeal
from django.db import IntegrityError
from django.test import Client
from django.utils import timezone
from hypothesis import example, given
from hypothesis import strategies as st

from apps.access.errors import MissingPermission
from apps.accounts import datetime_formats
from apps.accounts.datetime_formats import DateTimeForm, written
from apps.accounts.preferences import Preferences, TaskDue, as_read_by
from apps.audit.models import Entry, Operation
from apps.changes import preferences
from apps.changes.invitations import Invite
from apps.changes.preferences import change_preferences
from apps.changes.refusals import ChangedMeanwhile
from apps.crm.models import Task
from tests.admin.people import all_but, browser, everything, form_of, staff, url
from tests.factories import (
    BranchFactory,
    Cast,
    LeadFactory,
    MembershipFactory,
    TaskFactory,
    make_cast,
    published,
)
from tests.mailing import post

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 5, 14, 30, tzinfo=UTC)
ORDERS = [
    ({}, "5 Mar 2026, 14:30", "12 Mar 2026, 14:30"),
    ({"date_order": "month_first", "clock": 12}, "Mar 5, 2026, 2:30 PM", "Mar 12, 2026, 2:30 PM"),
    ({"date_order": "iso"}, "2026-03-05, 14:30", "2026-03-12, 14:30"),
    # Summer time begins there in between.
    (
        {"time_zone": "America/New_York", "date_order": "month_first", "clock": 12},
        "Mar 5, 2026, 9:30 AM",
        "Mar 12, 2026, 10:30 AM",
    ),
]


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def client(cast: Cast) -> Client:
    return browser(staff(cast.branch, everything(), name="Eve Everything"))


@pytest.fixture
def _at_noon() -> Iterator[None]:
    with time_machine.travel(NOON, tick=False):
        yield


def prefer(cast: Cast, **values: Any) -> Preferences:
    """Whatever else there was, the account has these now."""
    with zeal.zeal_ignore():
        actor = staff(cast.branch, ["manage_preferences"])
        return change_preferences(cast.account, actor=actor, values=values, seen={})


def invite(cast: Cast) -> None:
    """Somebody, until noon of the twelfth."""
    role = published(cast.account.scheme, "member")
    change = Invite(account_id=cast.account.pk, email="zoe@acme.example", role_id=role.pk, branch_id=cast.branch.pk)
    with zeal.zeal_ignore():
        change.apply(actor=cast.owner, reason="We grow")


def invited(cast: Cast) -> str:
    """The page that tells until when."""
    return f"/a/{cast.account.slug}/members/invited/"


def page_of(cast: Cast) -> str:
    return f"/a/{cast.account.slug}/settings/preferences/"


def filled(client: Client, cast: Cast, **values: Any) -> dict[str, Any]:
    """What the browser would send from the page as it is now, some of it chosen otherwise."""
    form = client.get(page_of(cast)).context["form"]
    data = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in {**data, **values}.items() if value not in (None, False)}


def text(client: Client, address: str) -> str:
    with zeal.zeal_ignore():
        return str(client.get(address, follow=True).content.decode())


# Who sets them, and how


def test_what_is_chosen_is_stored_and_stands_in_the_log(cast: Cast, client: Client) -> None:
    cast.account.refresh_from_db()
    version = cast.account.access_version
    assert client.post(page_of(cast), filled(client, cast, time_zone="Europe/Oslo", clock="12")).status_code == 302
    assert (kept := Preferences.objects.get(account=cast.account)).time_zone == "Europe/Oslo"
    assert (kept.clock, kept.date_order, kept.task_due_days) == (12, "day_first", None)
    logged = Operation.objects.latest("pk")
    assert (logged.verb, logged.actor_name) == ("accounts.preferences.changed", "Eve Everything")
    cast.account.refresh_from_db()
    assert cast.account.access_version == version
    assert client.post(page_of(cast), filled(client, cast, clock="24")).status_code == 302
    entry: Any = Entry.objects.latest("pk")
    assert (entry.before["clock"], entry.after["clock"], entry.account_id) == (12, 24, cast.account.pk)
    page = text(client, f"/a/{cast.account.slug}/audit/{entry.operation_id}/")
    assert "2:30 PM: 12 hours" in page
    assert "14:30: 24 hours" in page


def test_what_stands_already_leaves_no_trace(cast: Cast, client: Client) -> None:
    client.post(page_of(cast), filled(client, cast, clock="12"))
    before = Operation.objects.count()
    client.post(page_of(cast), filled(client, cast))
    assert Operation.objects.count() == before


def test_the_overview_leads_there_and_says_the_zone(cast: Cast, client: Client) -> None:
    prefer(cast, time_zone="Asia/Tokyo")
    page = text(client, f"/a/{cast.account.slug}/settings/")
    assert page_of(cast) in page
    assert "Asia / Tokyo" in page


def test_without_the_right_it_is_neither_seen_nor_set(cast: Cast) -> None:
    eve = staff(cast.branch, all_but("manage_preferences"))
    answer = browser(eve).get(page_of(cast))
    assert answer.status_code == 403
    assert "Manage localisation, next-action and display preferences" in answer.content.decode()
    with pytest.raises(MissingPermission):
        change_preferences(cast.account, actor=eve, values={"clock": 12}, seen={})
    assert not Preferences.objects.exists()


def test_a_read_only_account_keeps_its_own(cast: Cast) -> None:
    type(cast.account).objects.filter(pk=cast.account.pk).update(read_only=True)
    with pytest.raises(MissingPermission):
        prefer(cast, clock=12)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "Europe/Oslo\0"),
        ("time_zone", "../../etc/passwd"),
        ("date_order", "backwards"),
        ("clock", "13"),
        ("clock", "9" * 5000),
        ("week_begins", "-1"),
        ("task_due_days", "2"),
        ("task_due_days", "\0"),
        ("task_due_time", "25:00"),
        ("rows_per_page", "1000000"),
        ("seen", "made up"),
        ("seen", ""),
    ],
)
def test_what_cannot_be_chosen_is_refused_in_words(cast: Cast, client: Client, field: str, value: str) -> None:
    answer = client.post(page_of(cast), {**filled(client, cast, clock="12"), field: value})
    assert answer.status_code == 200
    assert answer.context["form"].errors[field]
    assert 'role="alert"' in answer.content.decode()
    assert not Preferences.objects.exists()


def test_who_is_overtaken_sees_by_what_and_decides_again(cast: Cast, client: Client) -> None:
    mine = filled(client, cast, rows_per_page="100")
    prefer(cast, time_zone="Europe/Oslo")
    answer = client.post(page_of(cast), mine)
    assert answer.context["form"].differences == [("Time zone", "UTC", "Europe/Oslo")]
    assert "The preferences changed while you were editing" in answer.content.decode()
    assert Preferences.objects.get(account=cast.account).rows_per_page == 50
    again = {**mine, "time_zone": "Europe/Oslo", "seen": answer.context["form"]["seen"].value()}
    assert client.post(page_of(cast), again).status_code == 302
    kept = Preferences.objects.get(account=cast.account)
    assert (kept.time_zone, kept.rows_per_page) == ("Europe/Oslo", 100)


def test_who_is_overtaken_at_the_same_instant_is_told_too(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """The account had none when ours were looked for, and others' are there when ours are to be stored."""
    prefer(cast, clock=12)
    find = preferences._stored

    def too_late(*args: Any) -> Preferences:
        monkeypatch.setattr(preferences, "_stored", find)
        raise IntegrityError

    monkeypatch.setattr(preferences, "_stored", too_late)
    eve = staff(cast.branch, ["manage_preferences"])
    with pytest.raises(ChangedMeanwhile):
        change_preferences(cast.account, actor=eve, values={"clock": 24}, seen={"clock": 24})
    assert Preferences.objects.get(account=cast.account).clock == 12


# Days and times


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (
            {},
            {
                DateTimeForm.DAY: "5 Mar 2026",
                DateTimeForm.SHORT_DAY: "5 Mar",
                DateTimeForm.LONG_DAY: "5 March 2026",
                DateTimeForm.WEEKDAY: "Thursday, 5 March",
                DateTimeForm.TIME: "14:30",
                DateTimeForm.MOMENT: "5 Mar 2026, 14:30",
                DateTimeForm.SHORT_MOMENT: "5 Mar, 14:30",
                DateTimeForm.EXACT_MOMENT: "5 Mar 2026, 14:30:00",
                DateTimeForm.LONG_MOMENT: "5 March 2026, 14:30",
                DateTimeForm.ZONED_MOMENT: "5 March 2026, 14:30 UTC",
                DateTimeForm.ZONED_WEEKDAY: "Thursday, 5 March 2026, 14:30 UTC",
            },
        ),
        (
            {"date_order": "month_first", "clock": 12},
            {
                DateTimeForm.DAY: "Mar 5, 2026",
                DateTimeForm.SHORT_DAY: "Mar 5",
                DateTimeForm.LONG_DAY: "March 5, 2026",
                DateTimeForm.WEEKDAY: "Thursday, March 5",
                DateTimeForm.TIME: "2:30 PM",
                DateTimeForm.MOMENT: "Mar 5, 2026, 2:30 PM",
                DateTimeForm.SHORT_MOMENT: "Mar 5, 2:30 PM",
                DateTimeForm.EXACT_MOMENT: "Mar 5, 2026, 2:30:00 PM",
                DateTimeForm.LONG_MOMENT: "March 5, 2026, 2:30 PM",
                DateTimeForm.ZONED_MOMENT: "March 5, 2026, 2:30 PM UTC",
                DateTimeForm.ZONED_WEEKDAY: "Thursday, March 5, 2026, 2:30 PM UTC",
            },
        ),
        (
            {"date_order": "iso"},
            {
                DateTimeForm.DAY: "2026-03-05",
                DateTimeForm.SHORT_DAY: "2026-03-05",
                DateTimeForm.LONG_DAY: "2026-03-05",
                DateTimeForm.WEEKDAY: "Thursday, 2026-03-05",
                DateTimeForm.TIME: "14:30",
                DateTimeForm.MOMENT: "2026-03-05, 14:30",
                DateTimeForm.SHORT_MOMENT: "2026-03-05, 14:30",
                DateTimeForm.EXACT_MOMENT: "2026-03-05, 14:30:00",
                DateTimeForm.LONG_MOMENT: "2026-03-05, 14:30",
                DateTimeForm.ZONED_MOMENT: "2026-03-05, 14:30 UTC",
                DateTimeForm.ZONED_WEEKDAY: "Thursday, 2026-03-05, 14:30 UTC",
            },
        ),
    ],
)
def test_every_form_follows_the_order_and_the_clock(
    cast: Cast, values: dict[str, Any], expected: dict[DateTimeForm, str]
) -> None:
    prefer(cast, **values)
    cast.account.refresh_from_db()
    with as_read_by(None, cast.account):
        assert {form: written(NOON, form) for form in DateTimeForm} == expected
        assert written(None, DateTimeForm.DAY) == ""
        assert written(NOON.date(), DateTimeForm.DAY) == expected[DateTimeForm.DAY]
        assert written(time(14, 30), DateTimeForm.TIME) == expected[DateTimeForm.TIME]


@pytest.mark.usefixtures("_at_noon")
@pytest.mark.parametrize(("values", "expected", "until"), ORDERS)
def test_pages_lists_and_mails_tell_times_as_the_account_has_chosen(
    cast: Cast, values: dict[str, Any], expected: str, until: str
) -> None:
    eve = staff(cast.branch, everything(), name="Eve Everything")
    prefer(cast, **values)
    lead = LeadFactory(branch=cast.branch, created_by=eve)
    invite(cast)
    client = browser(eve)
    assert f'title="{expected}"' in text(client, url("lead", "changelist"))
    # What names no form of ours, too: a field that one only reads.
    assert expected in text(client, url(lead))
    assert until in text(client, invited(cast))
    (mail,) = post()
    day = {"month_first": "March 12, 2026", "iso": "2026-03-12"}.get(values.get("date_order", ""), "12 March 2026")
    assert f"expires on {day}" in mail.body


@pytest.mark.usefixtures("_at_noon")
def test_ones_own_zone_comes_before_the_accounts(cast: Cast) -> None:
    prefer(cast, time_zone="America/New_York")
    invite(cast)
    for own, told in (("Asia/Tokyo", "12 Mar 2026, 23:30"), ("", "12 Mar 2026, 10:30"), ("UTC", "12 Mar 2026, 14:30")):
        reader = staff(cast.branch, everything(), time_zone=own)
        assert told in text(browser(reader), invited(cast))


@pytest.mark.usefixtures("_at_noon")
def test_each_account_has_its_own_in_one_session(cast: Cast) -> None:
    eve = staff(cast.branch, everything())
    there = BranchFactory()
    MembershipFactory(branch=there, user=eve, role=published(there.account.scheme, "owner"))
    prefer(cast, time_zone="America/New_York", date_order="month_first", clock=12)
    client = browser(eve)
    LeadFactory(branch=there, created_by=eve)
    LeadFactory(branch=cast.branch, created_by=eve)
    here, elsewhere = f"/a/{cast.account.slug}/members/", f"/a/{there.account.slug}/members/"
    for _ in range(2):
        assert "Mar 5, 2026" in text(client, here)
        assert "Mar 5, 2026, 9:30 AM" in text(client, url("lead", "changelist"))
        assert "Mar 5, 2026" not in text(client, elsewhere)
        # The admin has followed to the other account.
        assert 'title="5 Mar 2026, 14:30"' in text(client, url("lead", "changelist"))


def test_nothing_outlives_a_request(cast: Cast, client: Client) -> None:
    prefer(cast, time_zone="America/New_York", date_order="month_first", clock=12, week_begins=0)
    assert client.get(f"/a/{cast.account.slug}/settings/").status_code == 200
    assert datetime_formats.current() == datetime_formats.PLAIN
    assert timezone.get_current_timezone_name() == "UTC"
    assert client.get("/a/no-such-account/settings/").status_code == 404
    assert datetime_formats.current() == datetime_formats.PLAIN


def test_machines_are_told_in_iso_and_browsers_send_it(cast: Cast, client: Client) -> None:
    prefer(cast, time_zone="America/New_York", date_order="month_first", clock=12)
    task = TaskFactory(branch=cast.branch, due_at=NOON)
    page = text(client, url(task))
    assert 'value="2026-03-05"' in page
    assert 'value="09:30:00"' in page
    sent = {**form_of(client, url(task)), "due_at_0": "2026-03-05", "due_at_1": "09:30:00", "name": "Another name"}
    with zeal.zeal_ignore():
        assert client.post(url(task), sent).status_code == 302
    task.refresh_from_db()
    assert (task.name, task.due_at) == ("Another name", NOON)
    operation = Operation.objects.latest("pk")
    assert f'<time datetime="{operation.at.isoformat()}">' in text(client, f"/a/{cast.account.slug}/audit/")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, ['"FIRST_DAY_OF_WEEK": 1', '"6 a.m.": "06:00"', '"DATE_FORMAT": "j M Y"']),
        ({"week_begins": 6, "clock": 12}, ['"FIRST_DAY_OF_WEEK": 6', '"6 p.m.": "6:00 PM"']),
    ],
)
def test_calendars_and_clocks_of_the_admin_are_the_accounts(
    cast: Cast, client: Client, values: dict[str, Any], expected: list[str]
) -> None:
    prefer(cast, **values)
    catalogue = text(client, "/admin/jsi18n/")
    assert all(words in catalogue for words in expected)


# Lists


def test_lists_are_as_long_as_the_account_wants_them(cast: Cast, client: Client) -> None:
    LeadFactory.create_batch(26, branch=cast.branch)
    MembershipFactory.create_batch(26, branch=cast.branch)
    members = f"/a/{cast.account.slug}/members/"
    with zeal.zeal_ignore():
        assert len(client.get(url("lead", "changelist")).context["cl"].result_list) == 26
        prefer(cast, rows_per_page=25)
        assert len(client.get(url("lead", "changelist")).context["cl"].result_list) == 25
        assert len(client.get("/admin/teams/membership/").context["cl"].result_list) == 25
        assert client.get(members).content.decode().count('data-label="Role"') == 25


# The next action


@pytest.mark.usefixtures("_at_noon")
@pytest.mark.parametrize(
    ("values", "due"),
    [
        ({}, None),
        ({"task_due_days": 1}, "2026-03-06T09:00:00+00:00"),
        ({"task_due_days": 7, "task_due_time": time(16, 45)}, "2026-03-12T16:45:00+00:00"),
        ({"task_due_days": 0, "task_due_time": time(17)}, "2026-03-05T17:00:00+00:00"),
        # The hour has passed.
        ({"task_due_days": 0}, "2026-03-05T15:00:00+00:00"),
        ({"task_due_days": 0, "time_zone": "America/New_York"}, "2026-03-05T10:00:00-05:00"),
        # In the reader's zone it is the next day, and summer time begins there on the way.
        ({"task_due_days": 3, "time_zone": "America/New_York"}, "2026-03-08T09:00:00-04:00"),
    ],
)
def test_a_new_task_begins_with_when_it_is_due(
    cast: Cast, client: Client, values: dict[str, Any], due: str | None
) -> None:
    prefer(cast, **values)
    with zeal.zeal_ignore():
        initial = client.get(url("task", "add")).context["adminform"].form.initial.get("due_at")
    assert initial == (None if due is None else datetime.fromisoformat(due))


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["UTC", "Europe/Oslo", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"]),
    st.sampled_from(TaskDue.values),
    st.times(),
)
@example(datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "Europe/Oslo", 0, time(2, 45))
def test_no_task_is_overdue_as_it_begins(now: datetime, zone: str, days: int, at: time) -> None:
    with timezone.override(zone):
        due = Preferences(task_due_days=days, task_due_time=at).task_due_at(now)
    assert due is not None
    assert due.timestamp() > now.timestamp()


def test_a_task_that_is_added_on_a_records_page_begins_so_and_an_empty_row_is_none(cast: Cast, client: Client) -> None:
    prefer(cast, task_due_days=1)
    lead = LeadFactory(branch=cast.branch)
    with zeal.zeal_ignore():
        inlines: Any = client.get(url(lead)).context["inline_admin_formsets"]
    (tasks,) = (each.formset for each in inlines if each.formset.model is Task)
    blank = tasks.empty_form["due_at"]
    assert timezone.localtime(blank.value()).time() == time(9)
    day, hour = blank.value().date().isoformat(), "09:00:00"
    row = {
        f"{tasks.prefix}-TOTAL_FORMS": "1",
        f"{tasks.prefix}-0-kind": "todo",
        f"{tasks.prefix}-0-due_at_0": day,
        f"{tasks.prefix}-0-due_at_1": hour,
        f"initial-{tasks.prefix}-0-due_at_0": day,
        f"initial-{tasks.prefix}-0-due_at_1": hour,
    }
    with zeal.zeal_ignore():
        assert client.post(url(lead), {**form_of(client, url(lead)), **row}).status_code == 302
        assert not Task.objects.exists()
        named = {**row, f"{tasks.prefix}-0-name": "Call them"}
        assert client.post(url(lead), {**form_of(client, url(lead)), **named}).status_code == 302
    assert timezone.localtime(Task.objects.get(name="Call them").due_at).time() == time(9)


@pytest.mark.parametrize("wanted", [True, False])
def test_whoever_completes_a_task_is_led_to_the_next_one(cast: Cast, client: Client, wanted: bool) -> None:
    prefer(cast, next_task=wanted, task_due_days=1)
    lead = LeadFactory(branch=cast.branch)
    task = TaskFactory(branch=cast.branch, about=lead)
    answer = client.post(url(task, "complete"), {"next": "/admin/"})
    task.refresh_from_db()
    assert task.done
    if not wanted:
        assert answer.headers["Location"] == "/admin/"
        return
    assert answer.headers["Location"] == f"{url('task', 'add')}?about_lead={lead.pk}&branch={cast.branch.pk}"
    with zeal.zeal_ignore():
        page = client.get(answer.headers["Location"])
    assert f"What is the next step with {lead}?" in page.content.decode()
    form: Any = page.context["adminform"].form
    assert (form["about_lead"].value(), form["branch"].value()) == (str(lead.pk), str(cast.branch.pk))
    assert form.initial["due_at"] > timezone.now() - timedelta(hours=1)


def test_nobody_is_led_to_what_they_may_not_write(cast: Cast) -> None:
    prefer(cast, next_task=True)
    client = browser(staff(cast.branch, all_but("add_task")))
    about_lead = TaskFactory(branch=cast.branch, about=LeadFactory(branch=cast.branch))
    assert client.post(url(about_lead, "complete"), {"next": "/admin/"}).headers["Location"] == "/admin/"
    eve = browser(staff(cast.branch, everything()))
    alone = TaskFactory(branch=cast.branch)
    assert eve.post(url(alone, "complete"), {"next": "/admin/"}).headers["Location"] == "/admin/"
