"""Mail as it goes out: a real server takes it, one that is away is tried again, and the demo shows what it caught."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest
import time_machine
from django.contrib.sessions.models import Session as StoredSession
from django.core import mail as django_mail
from django.core.cache import cache
from django.db import connection
from django.test import Client, override_settings
from django.urls import include, path
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.jobs import Job

from apps.accounts import mail, sealing
from apps.accounts.jobs import clear_away
from config.mailcatcher.emails import MOST, keep, letters
from tests.mailing import Postbox, post, postbox
from tests.signin.people import sign_in, somebody

__all__ = ["postbox"]
urlpatterns = [path("demo/mail/", include("config.mailcatcher.urls")), path("", include("config.urls"))]


@pytest.mark.django_db
def test_a_real_server_gets_the_mail_as_text_and_as_html(postbox: Postbox) -> None:
    user = somebody(name="Ann & <b>Archer</b>")
    Client().post("/password/reset/", {"email": user.email})
    assert postbox.taken == []
    post()
    (envelope,) = postbox.taken
    assert envelope.rcpt_tos == [user.email]
    assert isinstance(envelope.content, bytes)
    letter = message_from_bytes(envelope.content, policy=policy.default)
    parts = {part.get_content_subtype(): part.get_content() for part in letter.walk() if not part.is_multipart()}
    text, html = parts["plain"], parts["html"]
    assert letter["From"] == "Mandate <no-reply@mandate.example>"
    assert "Hello Ann & <b>Archer</b>," in text
    assert "Hello Ann &amp; &lt;b&gt;Archer&lt;/b&gt;," in html
    address = next(line for line in text.splitlines() if line.startswith("http"))
    assert f'<a href="{address}"' in html


@pytest.mark.django_db
def test_a_server_that_is_away_or_refuses_is_tried_again(postbox: Postbox) -> None:
    mail.send("password_changed", "ann@acme.example")
    job = ProcrastinateJob.objects.get(task_name=mail.deliver.name)
    postbox.answer = "451 Later, please"
    with pytest.raises(smtplib.SMTPException) as refused:
        mail.deliver.func(**job.args)
    attempt = Job(id=job.pk, queue="mail", lock=None, queueing_lock=None, task_name=job.task_name, attempts=0)
    again = mail.deliver.get_retry_exception(refused.value, attempt)
    assert again is not None
    postbox.answer = "250 OK"
    mail.deliver.func(**job.args)
    assert len(postbox.taken) == 1
    given_up = Job(id=job.pk, queue="mail", lock=None, queueing_lock=None, task_name=job.task_name, attempts=mail.TRIES)
    assert mail.deliver.get_retry_exception(refused.value, given_up) is None


def test_what_was_sealed_with_another_key_or_for_another_purpose_or_changed_since_cannot_be_read() -> None:
    sealed = sealing.seal("A secret", "mail")
    assert sealing.unseal(sealed, "mail") == "A secret"
    with override_settings(SECRET_KEY="another", SECRET_KEY_FALLBACKS=["of the tests alone"]):
        assert sealing.unseal(sealed, "mail") == "A secret"
    with override_settings(SECRET_KEY="another"), pytest.raises(sealing.Unsealable):
        sealing.unseal(sealed, "mail")
    with pytest.raises(sealing.Unsealable):
        sealing.unseal(sealed, "second factor")
    with pytest.raises(sealing.Unsealable):
        sealing.unseal(f"{sealed[:-8]}{sealed[-8:].swapcase()}", "mail")


def test_what_was_sealed_too_long_ago_cannot_be_read() -> None:
    with time_machine.travel(0, tick=False) as clock:
        sealed = sealing.seal("A secret", "mail")
        clock.shift(60)
        assert sealing.unseal(sealed, "mail", max_age=60) == "A secret"
        clock.shift(1)
        with pytest.raises(sealing.Unsealable):
            sealing.unseal(sealed, "mail", max_age=60)


@pytest.mark.django_db
def test_what_has_run_out_is_cleared_away() -> None:
    client = sign_in(somebody()).client
    StoredSession.objects.update(expire_date="2020-01-01T00:00Z")
    cache.set("a-try", 1, 600)
    mail.send("password_changed", "ann@acme.example")
    mail.send("password_changed", "ben@acme.example")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE cache SET expires = now() - interval '1 second'")
        cursor.execute(
            "UPDATE procrastinate_jobs SET status = 'doing' WHERE id = (SELECT min(id) FROM procrastinate_jobs)"
        )
        cursor.execute("UPDATE procrastinate_jobs SET status = 'succeeded' WHERE status = 'doing'")
    clear_away.func(timestamp=0)
    assert client.get("/password/change/").status_code == 302
    assert not StoredSession.objects.filter(session_key=client.cookies["sessionid"].value).exists()
    assert [message.to for message in post()] == [["ben@acme.example"]]
    times = {periodic.task.name: periodic.cron for periodic in app.periodic_registry.periodic_tasks.values()}
    assert times[clear_away.name] == "17 * * * *"


# Demo email


@pytest.fixture
def caught(tmp_path: Path) -> Iterator[Path]:
    """The folder of the demo's mail, with the pages that show it."""
    with override_settings(ROOT_URLCONF=__name__, CAUGHT_MAIL=str(tmp_path)):
        yield tmp_path


@pytest.mark.django_db
def test_the_demo_shows_its_mail_as_text_with_links_that_can_be_followed(caught: Path) -> None:
    client = Client()
    assert b"No emails yet" in client.get("/demo/mail/").content
    Client().post(
        "/password/reset/", {"email": somebody(name="<script>alert(1)</script>", email="ann@acme.example").email}
    )
    (message,) = post()
    keep(caught, message.message().as_bytes())
    listing = client.get("/demo/mail/").content.decode()
    assert "Reset your password" in listing
    (letter,) = letters(caught)
    page = client.get(f"/demo/mail/{letter.name}/").content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    address = next(part for part in letter.paragraphs if part.startswith("http"))
    assert f'<a href="{address}"' in page


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["1700000000000000000-abcdef", "..", "%2e%2e%2fsecret_key", "x" * 300])
def test_a_mail_that_is_not_there_is_not_found(caught: Path, name: str) -> None:
    assert Client().get(f"/demo/mail/{name}/").status_code == 404


def test_the_oldest_mail_goes_when_there_is_very_much(tmp_path: Path) -> None:
    for number in range(MOST + 3):
        keep(tmp_path, f"Subject: {number}\n\nText\n".encode())
    found = list(letters(tmp_path))
    assert (len(found), found[0].subject, found[-1].subject) == (MOST, str(MOST + 2), "3")


def test_elsewhere_than_in_the_demo_there_is_no_such_page() -> None:
    assert Client().get("/demo/mail/").status_code == 404
    assert django_mail.outbox == []
