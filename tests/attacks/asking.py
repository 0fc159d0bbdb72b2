"""One request of an attack, and what no answer may have, whatever was asked.

Nothing of a request stays: each is rolled back, so that two of them meet the same world and can be compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import zeal
from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.access.mandate_cache import forget_kept
from tests.attacks.world import PRIVATE, UNSEEN
from tests.mailing import post
from tests.pages.canary import PART
from tests.pages.test_routes import VALUES, VARYING

QUEUED = "procrastinate_defer_job"
WRITTEN = re.compile(r'(?:INSERT INTO|UPDATE|DELETE FROM) (?!"?(?:django_session|usersessions|cache))')
# Where a transaction may return to; each has a name of its own.
SAVEPOINT = re.compile(r"(?:SAVEPOINT|RELEASE SAVEPOINT|ROLLBACK TO SAVEPOINT) ")
NOT_COMPARED = {"Location", "Content-Length", "Expires", "X-Request-ID"}
# A number that a page gets for its scripts alone.
NONCE = re.compile(r"nonce(?:=\"|-)[\w+/=-]+")
FORM = "application/x-www-form-urlencoded"
HOST = "testserver"
EVIL = "evil.example"
# What tells an attacker how the server is made: never in an answer that refuses.
INSIDE = re.compile(
    r"Traceback|psycopg|\bdjango\b|DJANGO_|site-packages|/apps/|\.py\b|SELECT .* FROM|relation \"|Exception\b"
    r"|DEBUG|SECRET_KEY|gunicorn|PostgreSQL",
)
MUST_SAY = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY"}
# The stricter one stands on pages whose address is a secret: it sends no path.
REFERRERS = {"same-origin", "strict-origin"}
POLICY = {"default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"}
MUST_NOT_SAY = ("Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Server", "X-Powered-By")
COOKIES = {settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME}


@dataclass(frozen=True)
class Answer:
    """What came back: `raw`, `body` without what differs each time, and what the database was asked."""

    status: int
    location: str
    body: str
    headers: Mapping[str, str]
    cookies: Mapping[str, Any]
    queries: list[str]
    mails: list[str]
    raw: str

    def without(self, *values: str) -> tuple[Any, ...]:
        """What can be compared with another answer, without what was sent."""
        sent = re.compile("|".join(re.escape(value) for value in values if value) or "(?!)")
        headers = {name: sent.sub("…", value) for name, value in self.headers.items()}
        queries = [VALUES.sub("?", query) for query in self.queries if not SAVEPOINT.match(query)]
        return self.status, sent.sub("…", self.location), sent.sub("…", self.body), headers, queries


def ask(
    client: Client,
    method: str,
    path: str,
    data: Any = None,
    *,
    headers: Mapping[str, str] | None = None,
    content_type: str = "",
    rolled_back: bool = True,
) -> Answer:
    """The answer to one request, of which nothing stays unless it is not `rolled_back`."""
    client.raise_request_exception = False
    more: dict[str, Any] = {"headers": dict(headers or {})}
    if content_type:
        more["content_type"] = content_type
    send = getattr(client, method.lower(), None)
    with transaction.atomic(), zeal.zeal_ignore(), CaptureQueriesContext(connection) as asked:
        if send is None or isinstance(data, bytes | str):
            given = data.encode() if isinstance(data, str) else data or b""
            response = client.generic(method, path, given, **{"content_type": FORM, **more})
        else:
            response = send(path, data or {}, **more) if method in {"GET", "HEAD", "POST"} else send(path, **more)
        body = b"".join(response) if response.streaming else response.content
        queries = [query["sql"] for query in asked.captured_queries]
        mails = [str(mail.message()) for mail in post()] if any(QUEUED in query for query in queries) else []
        transaction.set_rollback(rolled_back)
    if any(WRITTEN.match(query) for query in queries):
        # What was written is no more, and an account's version says otherwise.
        forget_kept()
    return Answer(
        status=response.status_code,
        location=response.headers.get("Location", ""),
        body=NONCE.sub("nonce", VARYING.sub(b"", body).decode(errors="replace")),
        headers={
            name: NONCE.sub("nonce", value) for name, value in response.headers.items() if name not in NOT_COMPARED
        },
        cookies=dict(response.cookies),
        queries=queries,
        mails=mails,
        raw=body.decode(errors="replace"),
    )


def faults_of(answer: Answer, *, signed_in: bool, hidden: tuple[str, ...], sent: tuple[str, ...]) -> Iterator[str]:
    """What no answer may have: a failure, a text that is hidden from the reader, a header too few or too many."""
    if answer.status >= 500:
        yield f"answers {answer.status}"
    shown = f"{answer.body}\n{answer.headers}\n{answer.location}".lower()
    for value in sent:
        shown = shown.replace(value.lower(), "…")
    for text in hidden:
        if text in shown:
            yield f"shows “{text}”: …{shown[max(0, shown.find(text) - 60) : shown.find(text) + 30]}…"
    if answer.status >= 400 and (leak := INSIDE.search(answer.body)):
        yield f"tells how it is made: {leak[0]}"
    if answer.location and not on_site(answer.location):
        yield f"leads to {answer.location}"
    if EVIL in answer.headers.get("Refresh", "") or EVIL in answer.headers.get("HX-Redirect", ""):
        yield "leads away by a header"
    yield from _faulty_headers(answer, signed_in)
    yield from _faulty_cookies(answer)


def _faulty_headers(answer: Answer, signed_in: bool) -> Iterator[str]:
    for name, value in MUST_SAY.items():
        if answer.headers.get(name) != value:
            yield f"says {name}: {answer.headers.get(name)}"
    if answer.headers.get("Referrer-Policy") not in REFERRERS:
        yield f"says Referrer-Policy: {answer.headers.get('Referrer-Policy')}"
    policy = set(answer.headers.get("Content-Security-Policy", "").split("; "))
    if not policy >= POLICY:
        yield f"lacks {sorted(POLICY - policy)} in its policy"
    for name in MUST_NOT_SAY:
        if name in answer.headers:
            yield f"says {name}: {answer.headers[name]}"
    if (
        signed_in
        and answer.body
        and answer.status not in {302, 401}
        and "no-store" not in answer.headers.get("Cache-Control", "")
    ):
        yield f"may be kept: {answer.headers.get('Cache-Control')}"
    for name, value in answer.headers.items():
        if any(ord(letter) < 32 for letter in name + value):
            yield f"has a control character in {name}"


def _faulty_cookies(answer: Answer) -> Iterator[str]:
    for name, cookie in answer.cookies.items():
        if name not in COOKIES:
            yield f"sets the cookie {name}"
        if cookie.value and (not cookie["httponly"] or cookie["samesite"] != "Lax" or cookie["domain"]):
            yield f"sets the cookie {name} for scripts or other sites"


def on_site(location: str) -> bool:
    """Whether a browser that follows the address stays on our host, however it reads slashes and control characters."""
    as_browsers_read = re.sub(r"[\t\r\n]", "", location.strip()).replace("\\", "/")
    parts = urlsplit(as_browsers_read)
    if as_browsers_read.startswith("//"):
        return False
    return (not parts.scheme and not parts.netloc) or (parts.scheme in {"http", "https"} and parts.netloc == HOST)


def hidden_from(*, keeper: bool = False, everywhere: bool = False) -> tuple[str, ...]:
    """What a reader must not see: the other tenant's texts, the private contact's, those of the southern branch."""
    texts = [PART]
    if not keeper:
        texts.append(PRIVATE[1:])
    if not everywhere:
        texts.append(UNSEEN[1:])
    return tuple(texts)


def with_session(key: str, *, strict: bool = False) -> Client:
    """A browser that sends the key of a session."""
    client = Client(enforce_csrf_checks=strict)
    client.cookies[settings.SESSION_COOKIE_NAME] = key
    return client
