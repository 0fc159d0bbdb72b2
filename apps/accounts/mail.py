"""Mail to people: written here, sent by a job of the queue.

The job is a row that stands or falls with the transaction that asks for it, so what is rolled back sends nothing, and a
mail server that is away for a while holds nobody up. Its content is sealed: links in mails sign people in.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template import Context, Engine
from django.template.loader import render_to_string
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from apps.accounts.composition import PARTS, Letter
from apps.accounts.sealing import seal, unseal

# Ten tries, each after three times the wait of the one before: the last one after some eight hours.
TRIES = 10
WAIT_GROWS_BY = 3
PURPOSE = "mail"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a mail."""

    name: str
    content: bytes
    content_type: str


def link(path: str) -> str:
    """Return the URL of our page for an email, never from a request: clients can forge its host."""
    return f"{settings.PUBLIC_ADDRESS.rstrip('/')}{path}"


def compose(name: str, context: Mapping[str, Any]) -> Letter:
    """The subject, the paragraphs and the buttons of a mail, as its template lays them out (`templatetags.letter`).

    What is filled in never adds a part: it is text, on one line, inside of the part that the template puts it in.

    Raises:
        ValueError: the template has not one subject, or text outside of its parts; or a button leads elsewhere.
    """
    letter = Letter()
    template = Engine.get_default().get_template(f"mail/{name}.txt")
    outside = template.render(Context({**context, PARTS: letter}, autoescape=False))
    if len(letter.subjects) != 1 or not letter.subjects[0] or outside.strip():
        raise ValueError(f"The mail {name} needs one subject, and all of its text in parts.")
    return letter


def send(
    name: str,
    to: str,
    context: Mapping[str, Any] | None = None,
    *,
    attachments: Sequence[Attachment] = (),
    reply_to: str = "",
) -> None:
    """Send the mail `mail/<name>.txt` to an address, once the transaction around it is committed.

    Raises:
        ValueError: see `compose`.
    """
    letter = compose(name, context or {})
    frame = {"subject": letter.subjects[0], "parts": letter.parts}
    message = {
        "to": to,
        "subject": letter.subjects[0],
        "text": render_to_string("mail/letter.txt", frame),
        "html": render_to_string("mail/letter.html", frame),
        "files": [(file.name, b64encode(file.content).decode(), file.content_type) for file in attachments],
        "reply_to": [reply_to] if reply_to else [],
    }
    deliver.defer(sealed=seal(json.dumps(message), PURPOSE))


@app.task(queue="mail", retry=RetryStrategy(max_attempts=TRIES, exponential_wait=WAIT_GROWS_BY))
def deliver(sealed: str) -> None:
    """Hand one mail to the mail server; the queue tries again where that fails."""
    message = json.loads(unseal(sealed, PURPOSE))
    mail = EmailMultiAlternatives(message["subject"], message["text"], to=[message["to"]], reply_to=message["reply_to"])
    # The same at each attempt, so that duplicates can be recognised.
    digest = hashlib.sha256(sealed.encode()).hexdigest()[:32]
    mail.extra_headers["Message-ID"] = f"<{digest}@{urlsplit(settings.PUBLIC_ADDRESS).hostname}>"
    mail.attach_alternative(message["html"], "text/html")
    for name, content, content_type in message["files"]:
        mail.attach(name, b64decode(content), content_type)
    mail.send()
