"""Days and times on pages and in mails: a filter for each form, such as `{{ asked.created_at|moment }}`."""

from __future__ import annotations

from functools import partial

from django import template

from apps.accounts.datetime_formats import DateTimeForm, written

register = template.Library()

for _form in DateTimeForm:
    register.filter(_form.value, partial(written, form=_form))
