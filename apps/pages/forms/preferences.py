"""The preferences of an account."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.core import signing
from django.forms.boundfield import BoundField
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from apps.access.history.entry_text import value_in_words
from apps.accounts.preferences import Preferences, TaskDue
from apps.accounts.time_zones import time_zone_choices, zone_in_words
from apps.changes.preferences import CHOICES
from apps.changes.refusals import ChangedMeanwhile
from apps.pages.forms.base import columns_of

NEVER = "never"
SALT = "apps.changes.preferences.seen"
GROUPS = (
    (gettext_noop("Localisation"), "language", ("time_zone", "date_order", "clock", "week_begins")),
    (gettext_noop("Next action"), "next_plan", ("task_due_days", "task_due_time", "next_task")),
    (gettext_noop("Display"), "table_rows", ("rows_per_page",)),
)


class PreferencesForm(forms.ModelForm[Any]):
    """The account's preferences, with what the page showed of them, signed: an outdated form shows what changed."""

    seen = forms.CharField(widget=forms.HiddenInput)

    class Meta:
        """All of them, each with what it changes."""

        model = Preferences
        fields = CHOICES
        labels: ClassVar[dict[str, Any]] = {
            "task_due_time": gettext_lazy("Time"),
            "next_task": gettext_lazy("Suggest a next task after completing one"),
        }
        help_texts: ClassVar[dict[str, Any]] = {
            "time_zone": gettext_lazy("For members who haven’t chosen their own, and in emails."),
            "week_begins": gettext_lazy("Used in calendars for picking dates."),
            "task_due_days": gettext_lazy("The default for new tasks. It can be changed for each task."),
            "task_due_time": gettext_lazy("After this time, a task for today is due at the next full hour."),
            "next_task": gettext_lazy("Opens the form for a new task about the same record."),
            "rows_per_page": gettext_lazy("For all lists, such as records and members."),
        }
        widgets: ClassVar[dict[str, Any]] = {
            "date_order": forms.RadioSelect,
            "clock": forms.RadioSelect,
            "task_due_time": forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        }

    def __init__(self, data: Any = None, *, instance: Preferences) -> None:
        # What the page shows is read before anything that was sent is put into the row.
        shown = {name: _plain(instance, name) for name in CHOICES}
        super().__init__(data, instance=instance)
        zones = time_zone_choices()
        if instance.time_zone not in dict(zones):
            # Of a file, which may name any.
            zones.append((instance.time_zone, zone_in_words(instance.time_zone)))
        self.fields["time_zone"] = forms.ChoiceField(
            label=self.fields["time_zone"].label, choices=zones, help_text=self.fields["time_zone"].help_text
        )
        self.fields["task_due_days"] = forms.TypedChoiceField(
            label=self.fields["task_due_days"].label,
            choices=[(NEVER, _("No time")), *TaskDue.choices],
            coerce=lambda value: None if value == NEVER else int(value),
            help_text=self.fields["task_due_days"].help_text,
        )
        if instance.task_due_days is None:
            self.initial["task_due_days"] = NEVER
        self.fields["seen"].initial = signing.dumps(shown, salt=SALT)
        self.differences: list[tuple[str, str, str]] = []

    def clean_seen(self) -> dict[str, Any]:
        """Return the values that the page showed.

        Raises:
            ValidationError: it was tampered with.
        """
        try:
            shown = signing.loads(self.cleaned_data["seen"], salt=SALT)
        except signing.BadSignature:
            message = _("This form is out of date. Reload the page.")
            raise forms.ValidationError(message) from None
        fields = columns_of(self.instance)
        return {name: fields[name].to_python(value) for name, value in shown.items()}

    @property
    def values(self) -> dict[str, Any]:
        """Return the chosen values; called with valid data."""
        return {name: self.cleaned_data[name] for name in CHOICES}

    @property
    def groups(self) -> list[tuple[str, str, list[BoundField]]]:
        """The fields by what they are about: a title, an icon, and the fields."""
        return [(_(title), icon, [self[name] for name in names]) for title, icon, names in GROUPS]

    def overtaken(self, refusal: ChangedMeanwhile, now: Preferences) -> None:
        """Show what changed in the meantime, so that the person decides on the current state."""
        for name, values in refusal.differences.items():
            field = Preferences._meta.get_field(name)
            was, is_now = (value_in_words(field, value) or _("empty") for value in values)
            self.differences.append((str(self.fields[name].label), was, is_now))
        self.add_error(None, str(refusal))
        self.data = self.data.copy()  # type: ignore[attr-defined]
        self.data["seen"] = signing.dumps({name: _plain(now, name) for name in CHOICES}, salt=SALT)  # type: ignore[index]


def _plain(row: Preferences, name: str) -> Any:
    value = getattr(row, name)
    return value.isoformat() if hasattr(value, "isoformat") else value
