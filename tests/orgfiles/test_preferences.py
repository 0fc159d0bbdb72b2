"""An account's preferences in its organisation file: whatever they say, an import of an export says the same."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

import pytest

from apps.accounts.datetime_formats import written
from apps.accounts.preferences import Preferences, as_read_by
from apps.audit.models import Entry
from apps.crm.models import Task
from apps.orgfiles import organisation
from tests.orgfiles.files import ACME, acme, counts, refusals
from tests.orgfiles.test_round_trip import exported, imported

ALL: dict[str, Any] = {
    "time_zone": "America/New_York",
    "date_order": "month_first",
    "clock": 12,
    "week_begins": 0,
    "task_due_days": 0,
    "task_due_time": "16:45",
    "next_task": True,
    "rows_per_page": 100,
}


def with_preferences(preferences: Any, slug: str = "acme") -> dict[str, Any]:
    return acme(account={**ACME["account"], "slug": slug, "preferences": preferences})


def values_of(preferences: Preferences) -> dict[str, Any]:
    return {name: getattr(preferences, name) for name in ALL}


@pytest.mark.django_db
@pytest.mark.parametrize("stated", [ALL, {}, {"clock": 12}, {"time_zone": "Europe/Oslo", "task_due_days": 7}])
def test_an_import_of_an_export_has_the_same_preferences(stated: dict[str, Any]) -> None:
    first = organisation.create(organisation.parse(with_preferences(stated)))
    plain = values_of(Preferences())
    read = {**stated, **({"task_due_time": time(16, 45)} if "task_due_time" in stated else {})}
    assert values_of(first.preferences) == {**plain, **read}
    text = exported(first)
    assert ("preferences: {" in text) == bool(stated)
    second = imported(text, "second")
    assert values_of(second.preferences) == values_of(first.preferences)
    assert exported(second) == text.replace("slug: acme,", "slug: second,")
    # One entry of the import, where there is something to tell.
    told = Entry.objects.filter(target_type="accounts.preferences", account_id=second.pk)
    assert told.count() == bool(stated)


@pytest.mark.django_db
def test_the_file_itself_obeys_no_preference() -> None:
    data = with_preferences(ALL)
    account = organisation.create(organisation.parse(data))
    Task.objects.filter(account=account).update(due_at=datetime.fromisoformat("2026-03-05T14:30:00Z"))
    with as_read_by(None, account):
        assert written(datetime.fromisoformat("2026-03-05T14:30:00Z"), "moment") == "Mar 5, 2026, 9:30 AM"
        assert "due_at: 2026-03-05T14:30:00Z" in exported(account)


@pytest.mark.parametrize(
    ("preferences", "told"),
    [
        ("UTC", 'account.preferences: must be a mapping of keys to values, not "UTC".'),
        ([], "account.preferences: must be a mapping of keys to values, not a list."),
        ({"clocks": 12}, "account.preferences.clocks: this key is unknown"),
        ({"time_zone": "Mars/Olympus"}, 'account.preferences.time_zone: "Mars/Olympus" is not a time zone: write one'),
        ({"time_zone": "UTC\0"}, "account.preferences.time_zone: contains a line break or an invisible"),
        ({"time_zone": ["UTC"]}, "account.preferences.time_zone: must be text, not a list"),
        ({"date_order": "dmy"}, 'account.preferences.date_order: "dmy" is not one of day_first, month_first, iso'),
        ({"clock": 13}, "account.preferences.clock: is 13, which is not one of 24, 12"),
        ({"clock": True}, "account.preferences.clock: must be a whole number"),
        ({"week_begins": 10**30}, "account.preferences.week_begins: is 1000000"),
        ({"task_due_days": -1}, "account.preferences.task_due_days: is -1, which is not one of 0, 1, 3, 7, 14"),
        ({"task_due_time": "25:00"}, "account.preferences.task_due_time: must be a time of the day such as 09:00"),
        ({"task_due_time": "09:00+02:00"}, "account.preferences.task_due_time: must be a time of the day"),
        ({"next_task": "perhaps"}, "account.preferences.next_task: must be true or false"),
        ({"rows_per_page": 10}, "account.preferences.rows_per_page: is 10, which is not one of 25, 50, 100"),
    ],
)
@pytest.mark.django_db
def test_what_cannot_be_chosen_is_refused_with_its_place(preferences: Any, told: str) -> None:
    before = counts()
    (line,) = refusals(with_preferences(preferences))
    assert line.startswith(told)
    assert counts() == before
