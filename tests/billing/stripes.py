"""A Stripe of our own: localstripe in its own process on a loopback port, and events signed as Stripe signs them."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.http import HttpResponse
from django.test import Client

SECRET = "whsec_of_the_tests"
# Its own entry binds every interface; this one binds loopback, on a port that is free.
SERVE = """
import socket
from aiohttp import web
from localstripe.server import app
listening = socket.socket()
listening.bind(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
web.run_app(app, sock=listening, print=None)
"""


@contextmanager
def local_stripe() -> Iterator[str]:
    """The address of a localstripe that runs inside the block."""
    with subprocess.Popen([sys.executable, "-c", SERVE], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


def stripe_settings(address: str = "") -> dict[str, str]:
    """The settings of a server that collects through Stripe."""
    return {"secret_key": "sk_test_12345", "webhook_secret": SECRET, "address": address}


def event(kind: str, number: int = 1, at: int | None = None, **about: Any) -> bytes:
    """The body of an event."""
    told = {
        "id": f"evt_{kind}_{number}",
        "object": "event",
        "type": kind,
        "created": at or int(time.time()),
        "data": {"object": about},
    }
    return json.dumps(told).encode()


def signature(body: bytes, secret: str = SECRET, at: int | None = None) -> str:
    """What Stripe puts beside it."""
    moment = at or int(time.time())
    signed = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={signed}"


def tell(body: bytes, signed: str | None = None) -> HttpResponse:
    """Post the event to us."""
    headers = {"Stripe-Signature": signature(body) if signed is None else signed}
    answer: Any = Client().post("/billing/webhook/", body, content_type="application/json", headers=headers)
    found: HttpResponse = answer
    return found
