"""Mail to people: written here, sent by a job of the queue.

The job is a row that stands or falls with the transaction that asks for it, so what is rolled back sends nothing, and a
mail server that is away for a while holds nobody up. Its content is sealed: links in mails sign people in.
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from apps.accounts.sealing import seal, unseal

# Ten tries, each after three times the wait of the one before: the last one after some eight hours.
TRIES = 10
WAIT_GROWS_BY = 3
PURPOSE = "mail"
_PARAGRAPHS = re.compile(r"\n\s*\n")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a mail."""

    name: str
    content: bytes
    content_type: str


def link(path: str) -> str:
    """The address of a page of ours as it stands in a mail; never by a request, whose host anybody can write."""
    return f"{settings.PUBLIC_ADDRESS.rstrip('/')}{path}"


def send(
    name: str,
    to: str,
    context: Mapping[str, Any] | None = None,
    *,
    attachments: Sequence[Attachment] = (),
    reply_to: str = "",
) -> None:
    """Send the mail `mail/<name>.txt` to an address, once the transaction around it is committed.

    The template's first paragraph is the subject. A paragraph that is an address becomes a button in the HTML that is
    made of the same words.
    """
    text = render_to_string(f"mail/{name}.txt", dict(context or {})).strip()
    subject, *paragraphs = [" ".join(part.split()) for part in _PARAGRAPHS.split(text)]
    parts = [{"text": part, "is_link": part.startswith(settings.PUBLIC_ADDRESS)} for part in paragraphs]
    frame = {"subject": subject, "parts": parts}
    message = {
        "to": to,
        "subject": subject,
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
    # The same at each try, so that a mail which the server has taken already can be told for what it is.
    digest = hashlib.sha256(sealed.encode()).hexdigest()[:32]
    mail.extra_headers["Message-ID"] = f"<{digest}@{urlsplit(settings.PUBLIC_ADDRESS).hostname}>"
    mail.attach_alternative(message["html"], "text/html")
    for name, content, content_type in message["files"]:
        mail.attach(name, b64decode(content), content_type)
    mail.send()
