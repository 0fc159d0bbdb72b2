"""The filters of the audit log: changed by, affects, action, dates, reason and number."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.access.history.log_access import LogAccess, in_words
from apps.access.shield import shielded
from apps.accounts.datetime_formats import DateTimeForm, written
from apps.accounts.models import User
from apps.audit import verbs as words
from apps.audit.models import OperationQuerySet
from apps.teams.models import Membership, ParentMembership

# The years that can be asked for; beyond them, a day has no beginning in every zone.
EARLIEST, LATEST = 1900, 2999


def verbs_in_words() -> list[tuple[str, str]]:
    """Return the actions as choices."""
    items = sorted(((verb.word, in_words(verb.word)) for verb in words.registry), key=lambda pair: pair[1])
    return [("", str(_("Any action"))), *items]


def _day(label: Any) -> forms.DateField:
    return forms.DateField(label=label, required=False, widget=forms.DateInput(attrs={"type": "date"}))


class LogFilter(forms.Form):
    """The filters of the audit log. People are given by name or address, since the log outlives them."""

    q = forms.CharField(label=_("Reason contains"), required=False, max_length=200)
    by = forms.CharField(label=_("Changed by"), required=False, max_length=200)
    about = forms.CharField(label=_("Affects"), required=False, max_length=200)
    verb = forms.ChoiceField(label=_("Action"), required=False, choices=verbs_in_words)
    since = _day(_("From"))
    until = _day(_("To"))
    number = forms.IntegerField(
        label=_("Change number"), required=False, min_value=1, max_value=2**63 - 1, widget=forms.TextInput()
    )

    def __init__(self, data: Any, *, reader: LogAccess) -> None:
        super().__init__(data)
        self.reader = reader

    def clean_since(self) -> date | None:
        """A day that the plan shows."""
        since: date | None = self.cleaned_data["since"]
        first = self.reader.since
        if since and first is not None and since < (day := timezone.localdate(first)):
            message = _("Your plan shows the audit log from %(day)s. A larger plan shows more.")
            raise forms.ValidationError(message, params={"day": written(day, DateTimeForm.LONG_DAY)})
        return since

    def clean(self) -> dict[str, Any]:
        """A span of days that is one."""
        data = super().clean() or {}
        since, until = data.get("since"), data.get("until")
        if since and until and until < since:
            self.add_error("until", _("Enter an end date after the start date."))
        for name in ("since", "until"):
            day = data.get(name)
            if day is not None and not EARLIEST <= day.year <= LATEST:
                message = _("Enter a year from %(first)s to %(last)s.") % {"first": EARLIEST, "last": LATEST}
                self.add_error(name, message)
        return data

    @property
    def narrowed(self) -> dict[str, Any]:
        """Return the filters in use by name."""
        return {name: value for name, value in self.cleaned_data.items() if value not in ("", None)}

    def found(self) -> OperationQuerySet:
        """The operations that the reader may read and that were asked for; none where the question is no sound one."""
        reader = self.reader
        operations = reader.operations()
        if not self.is_valid():
            return operations.none()
        data = self.cleaned_data
        if data["number"]:
            operations = operations.filter(pk=data["number"])
        if data["verb"]:
            operations = operations.with_verb(data["verb"])
        if data["q"]:
            operations = operations.filter(reason__icontains=data["q"])
        if data["by"]:
            named = Q(actor_name__icontains=data["by"]) | Q(acting_as_name__icontains=data["by"])
            operations = operations.filter(named | Q(actor_id__in=_people(reader, data["by"])))
        if data["about"]:
            entries = reader.entries().filter(user_id__in=_people(reader, data["about"]))
            operations = operations.filter(pk__in=entries.values("operation"))
        until = data["until"]
        return operations.between(_midnight(data["since"]), _midnight(until and until + timedelta(days=1)))


def _people(reader: LogAccess, text: str) -> QuerySet[User, int]:
    """Return current and former members who match the words. Shielded addresses never match."""
    account_id = reader.access.account_id
    ever = Q(pk__in=Membership.objects.filter(account=account_id).values("user")) | Q(
        pk__in=ParentMembership.objects.filter(account=account_id).values("user")
    )
    address = Q(email__iexact=text.strip()) & ~Q(pk__in=shielded(reader.access))
    return User.objects.filter(ever).filter(Q(name__icontains=text.strip()) | address).values_list("pk", flat=True)


def _midnight(day: date | None) -> datetime | None:
    """The beginning of the day in the reader's zone."""
    return None if day is None else timezone.make_aware(datetime.combine(day, time.min))
