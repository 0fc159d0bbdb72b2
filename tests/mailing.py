"""The mail that waits in the queue, sent."""

from __future__ import annotations

import re

from django.core import mail
from django.core.mail import EmailMultiAlternatives
from procrastinate.contrib.django.models import ProcrastinateJob

from apps.accounts.mail import deliver

ADDRESS = re.compile(r"http://\S+")


def post() -> list[EmailMultiAlternatives]:
    """Run the jobs that send mail, as the worker would; returns what they sent, the oldest first."""
    sent = len(mail.outbox)
    waiting = ProcrastinateJob.objects.filter(task_name=deliver.name, status="todo").order_by("id")
    for job in list(waiting):
        deliver.func(**job.args)
    _forget(list(waiting.values_list("id", flat=True)))
    return mail.outbox[sent:]  # type: ignore[return-value] # ours all have two parts


def link_in(message: EmailMultiAlternatives) -> str:
    """The path of the page that a mail leads to."""
    found = ADDRESS.search(str(message.body))
    assert found, message.body
    return found[0].removeprefix("http://testserver")


def _forget(ids: list[int]) -> None:
    ProcrastinateJob.objects.filter(id__in=ids)._raw_delete("default")
