"""Emails as files in a folder: stored unchanged, read as plain text."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from django.utils import timezone

MOST = 500
NAME = re.compile(r"\d{10,}-[0-9a-f]{6}")


@dataclass(frozen=True, slots=True)
class ShownEmail:
    """An email as a page shows it: plain text, by paragraph."""

    name: str
    at: datetime
    to: str
    sender: str
    subject: str
    paragraphs: tuple[str, ...]


def keep(folder: Path, content: bytes) -> None:
    """Store an email in the folder atomically; deletes the oldest beyond `MOST`."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{time.time_ns()}-{secrets.token_hex(3)}"
    unfinished = folder / f"{name}.tmp"
    unfinished.write_bytes(content)
    os.replace(unfinished, folder / f"{name}.eml")
    for old in sorted(folder.glob("*.eml"))[:-MOST]:
        old.unlink(missing_ok=True)


def letters(folder: Path) -> Iterator[ShownEmail]:
    """Yield the emails in the folder, newest first."""
    for path in sorted(folder.glob("*.eml"), reverse=True):
        if (found := letter(folder, path.stem)) is not None:
            yield found


def letter(folder: Path, name: str) -> ShownEmail | None:
    """Return the email with that name; None if there is none."""
    if not NAME.fullmatch(name):
        return None
    try:
        content = (folder / f"{name}.eml").read_bytes()
    except FileNotFoundError:
        return None
    mail: EmailMessage = message_from_bytes(content, policy=policy.default)
    part = mail.get_body(("plain",))
    text = str(part.get_content()) if part is not None else ""
    return ShownEmail(
        name=name,
        at=datetime.fromtimestamp(int(name.partition("-")[0]) / 10**9, timezone.get_current_timezone()),
        to=str(mail["To"] or ""),
        sender=str(mail["From"] or ""),
        subject=str(mail["Subject"] or ""),
        paragraphs=tuple(paragraph.strip() for paragraph in re.split(r"\n\s*\n", text) if paragraph.strip()),
    )
