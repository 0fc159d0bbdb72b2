"""The mail that waits in the queue, sent; and a mail server that takes it."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.test import override_settings
from procrastinate.contrib.django.models import ProcrastinateJob

from apps.accounts.mail import deliver
from apps.accounts.sign_in_emails import change_asked, password_asked, sign_up_asked

ADDRESS = re.compile(r"http://\S+")
SMTP_BACKEND = "django.core.mail.backends.smtp.EmailBackend"


def post() -> list[EmailMultiAlternatives]:
    """Run the jobs that send mail, as the worker would; returns what they sent, the oldest first."""
    sent = len(mail.outbox)
    for task in (change_asked, password_asked, sign_up_asked, deliver):
        waiting = ProcrastinateJob.objects.filter(task_name=task.name, status="todo").order_by("id")
        for job in list(waiting):
            task.func(**job.args)
        _forget(list(waiting.values_list("id", flat=True)))
    return mail.outbox[sent:]  # type: ignore[return-value] # ours all have two parts


def link_in(message: EmailMultiAlternatives) -> str:
    """The path of the page that a mail leads to."""
    found = ADDRESS.search(str(message.body))
    assert found, message.body
    return found[0].removeprefix("http://testserver")


def _forget(ids: list[int]) -> None:
    ProcrastinateJob.objects.filter(id__in=ids)._raw_delete("default")


class Postbox:
    """A mail server's memory."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.answer.startswith("250"):
            self.taken.append(envelope)
        return self.answer

    def letters(self) -> list[EmailMessage]:
        """What came, the oldest first."""
        return [message_from_bytes(_content(each), policy=policy.default) for each in self.taken]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    """A real mail server, to which everything is sent."""
    box, port = Postbox(), free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        with override_settings(EMAIL_BACKEND=SMTP_BACKEND, EMAIL_HOST="127.0.0.1", EMAIL_PORT=port):
            yield box
    finally:
        controller.stop()


def _content(envelope: Envelope) -> bytes:
    assert isinstance(envelope.content, bytes)
    return envelope.content
