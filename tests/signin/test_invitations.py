"""An invitation by mail: its page, whom it lets in, and everything that ends it."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
import zeal
from allauth.account import app_settings
from allauth.account.models import EmailAddress
from allauth.core import ratelimit
from allauth.core.internal.ratelimit import parse_rate
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core.cache import cache
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from apps.accounts.addresses import vouch_for
from apps.accounts.models import User
from apps.accounts.tokens import make_token, owner_of
from apps.audit.models import Operation
from apps.changes.invitations import CancelInvitation, Invite, ResendInvitation
from apps.changes.members import ChangeRole
from apps.changes.preview import preview
from apps.changes.refusals import PermissionMissing
from apps.teams.models import Invitation, Membership
from tests.factories import Cast, UserFactory, make_cast, published
from tests.mailing import link_in, post
from tests.signin.people import browser_of, sign_in, somebody
from tests.signin.test_passwords import is_in

pytestmark = pytest.mark.django_db
ZOE = "zoe@acme.example"
SECRET = "a heron stands in the rain"


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def invite(cast: Cast, *, email: str = ZOE, role: str = "member", everywhere: bool = False) -> Invite:
    branch = None if everywhere else cast.branch.pk
    role_id = published(cast.account.scheme, role).pk
    change = Invite(account_id=cast.account.pk, email=email, role_id=role_id, branch_id=branch)
    change.apply(actor=cast.owner, reason="We grow")
    return change


def by_hand(change: Invite | ResendInvitation) -> str:
    """The link without the proof that only the mail has."""
    return f"/invitations/{change.token}/"


def look(client: Client, address: str) -> tuple[int, str]:
    response = client.get(address)
    return response.status_code, response.content.decode()


def send(client: Client, address: str, **data: str) -> Any:
    with zeal.zeal_ignore():
        return client.post(address, data)


def membership(email: str = ZOE) -> Membership | None:
    return Membership.objects.filter(user__email=email).first()


def test_the_mail_says_who_invites_to_what_and_until_when(cast: Cast) -> None:
    change = invite(cast)
    (message,) = post()
    text = str(message.body)
    assert message.to == [ZOE]
    assert message.subject == f"You are invited to {cast.account}"
    assert f"{cast.owner} invites you to join {cast.account} on Mandate as Member on the branch North." in text
    assert f"{timezone.now() + timedelta(days=7):%-d %B %Y}" in text
    assert link_in(message).startswith(by_hand(change))


def test_an_invitation_to_every_branch_says_so(cast: Cast) -> None:
    invite(cast, everywhere=True)
    assert "on all branches" in str(post()[0].body)


def test_what_is_refused_or_only_looked_at_sends_nothing(cast: Cast) -> None:
    role_id = published("atlas", "member").pk
    change = Invite(account_id=cast.account.pk, email=ZOE, role_id=role_id, branch_id=cast.branch.pk)
    preview(change, actor=cast.owner)
    with pytest.raises(PermissionMissing):
        change.apply(actor=cast.member, reason="Mine")
    assert post() == []


def test_the_token_stands_nowhere_in_the_database(cast: Cast) -> None:
    change = invite(cast)
    kept = json.dumps(list(ProcrastinateJob.objects.values_list("args", flat=True)))
    assert ProcrastinateJob.objects.exists()
    assert change.token not in kept
    assert change.token not in str(list(Invitation.objects.values()))


def test_somebody_new_sets_a_password_and_is_in_at_once_by_the_link_of_the_mail(cast: Cast) -> None:
    invite(cast)
    address = link_in(post()[0])
    client = Client()
    status, page = look(client, address)
    assert status == 200
    for shown in (cast.account.name, "Member", "North", cast.owner.name, ZOE):
        assert shown in page
    proof = address.partition("?proof=")[2]
    answer = send(client, address, name="Zoe Zimmer", password=SECRET, proof=proof)
    assert answer.headers["Location"] == f"/a/{cast.account.slug}/"
    assert is_in(client)
    user = User.objects.get(email=ZOE)
    assert (user.name, user.is_staff, user.is_superuser) == ("Zoe Zimmer", True, False)
    held = membership()
    assert held is not None
    assert (held.branch, held.role.key) == (cast.branch, "member")
    assert EmailAddress.objects.get(user=user).verified
    operation = Operation.objects.get(verb="access.invitation.accepted")
    assert (operation.actor_id, operation.reason) == (user.pk, "Accepted the invitation")
    assert client.get(f"/a/{cast.account.slug}/").status_code == 200
    assert is_in(sign_in(user, SECRET).client)


def test_a_second_use_is_refused(cast: Cast) -> None:
    invite(cast)
    address = link_in(post()[0])
    proof = address.partition("?proof=")[2]
    client = Client()
    send(client, address, name="Zoe Zimmer", password=SECRET, proof=proof)
    for other in (client, Client(), browser_of(cast.member)):
        status, page = look(other, address)
        assert (status, "was already accepted" in page) == (410, True)
    answer = send(Client(), address, name="Eve", password=SECRET, proof=proof)
    assert answer.status_code == 410
    assert Membership.objects.filter(branch=cast.branch).count() == 3


def test_a_link_that_was_passed_on_by_hand_sets_no_password_and_has_the_mail_sent(cast: Cast) -> None:
    """Whoever invites sees the link, and could otherwise become a user for an address that is not theirs."""
    change = invite(cast)
    post()
    inviter = Client()
    for proof in ("", "0" * 64, change.token):
        page = look(inviter, f"{by_hand(change)}?proof={proof}")[1]
        assert ZOE not in page
        assert "password" not in page
        answer = send(inviter, by_hand(change), name="Zoe Zimmer", password="the inviter knows this one", proof=proof)
        assert "We have sent a link to z***@acme.example." in answer.content.decode()
    assert not is_in(inviter)
    assert not User.objects.filter(email=ZOE).exists()
    messages = post()
    assert [message.to for message in messages] == [[ZOE]] * 3
    address = link_in(messages[-1])
    reader = Client()
    send(reader, address, name="Zoe Zimmer", password=SECRET, proof=address.partition("?proof=")[2])
    held = membership()
    assert held is not None
    assert is_in(sign_in(held.user, SECRET).client)
    assert not is_in(sign_in(held.user, "the inviter knows this one").client)


def _looked_and_sent(change: Invite) -> tuple[list[str], list[str], list[str]]:
    """The pages of a link that was passed on without what differs by request, the statements, and the jobs."""
    ProcrastinateJob.objects.all()._raw_delete("default")
    cache.clear()
    client = Client()
    with CaptureQueriesContext(connection) as queries:
        pages = [look(client, by_hand(change))[1], send(client, by_hand(change)).content.decode()]
    differs = re.compile(f'csrfmiddlewaretoken" value="[^"]*"|{change.token}|datetime="[^"]*"')
    statements = [re.sub(r"'[^']*'|\d+", "?", query["sql"]) for query in queries]
    jobs = list(ProcrastinateJob.objects.values_list("task_name", flat=True))
    return [differs.sub("", page) for page in pages], statements, jobs


def test_a_link_that_was_passed_on_tells_nobody_whether_the_address_signs_in(cast: Cast) -> None:
    somebody(email="zac@acme.example")
    known, unknown = (_looked_and_sent(invite(cast, email=email)) for email in ("zac@acme.example", ZOE))
    assert known == unknown
    assert not any('accounts_user"."email" =' in statement for statement in known[1])


def test_who_was_there_before_the_address_was_proven_keeps_nothing_that_signs_in(cast: Cast) -> None:
    user: User = UserFactory(email=ZOE)
    elsewhere = browser_of(user)
    token = make_token(user, "Planted", 30)
    TOTP.activate(user, generate_totp_secret())
    invite(cast)
    address = link_in(post()[-1])
    reader = Client()
    assert "Your name" not in look(reader, address)[1]
    answer = send(reader, address, password=SECRET, proof=address.partition("?proof=")[2])
    assert answer.headers["Location"] == f"/a/{cast.account.slug}/"
    assert membership() is not None
    assert elsewhere.get("/password/change/").status_code == 302
    assert owner_of(token) is None
    assert not Authenticator.objects.filter(user=user).exists()
    assert not is_in(sign_in(user).client)
    assert is_in(sign_in(user, SECRET).client)


def test_the_mail_is_sent_again_three_times_in_ten_minutes(cast: Cast) -> None:
    change = invite(cast)
    post()
    answers = [send(Client(REMOTE_ADDR=f"10.9.0.{number}"), by_hand(change)).content.decode() for number in range(4)]
    assert ["We have sent a link" in answer for answer in answers] == [True, True, True, False]
    assert "Try again in 10 minutes." in answers[3]
    assert len(post()) == 3


def _confirmed(client: Client, cast: Cast, invitation: Invitation) -> str:
    path = f"/a/{cast.account.slug}/invitations/{invitation.pk}/resend/"
    seen = re.search(r'name="seen" value="([^"]*)"', client.get(path).content.decode())
    assert seen
    answer = client.post(path, {"reason": "It got lost", "confirmed": "1", "seen": seen[1]})
    return str(answer.content.decode())


def test_an_inviter_sends_again_three_times_to_an_address_and_reads_when_to_try_again(cast: Cast) -> None:
    invite(cast)
    post()
    client = browser_of(cast.owner)
    answers = [_confirmed(client, cast, Invitation.objects.get()) for _ in range(4)]
    assert ["Invitation sent" in answer for answer in answers] == [True, True, True, False]
    assert "Try again in 10 minutes." in answers[3]
    assert len(post()) == 3


@pytest.mark.parametrize(("action", "limit"), [("mail_by_user", 60), ("mail_by_account", 120)])
def test_a_sender_and_an_account_have_limits_of_their_own(cast: Cast, action: str, limit: int) -> None:
    invite(cast)
    client = browser_of(cast.owner)
    rate = parse_rate(app_settings.RATE_LIMITS[action])
    assert (rate.amount, rate.duration) == (limit, 600)
    request = RequestFactory().post("/")
    request.user = cast.owner
    key = str(cast.account.pk) if action == "mail_by_account" else None
    for _ in range(limit):
        assert ratelimit.consume(request, action=action, key=key)
    assert "Try again in 10 minutes." in _confirmed(client, cast, Invitation.objects.get())


def test_who_has_the_address_signs_in_and_accepts(cast: Cast) -> None:
    user = somebody(email=ZOE)
    change = invite(cast)
    client = Client()
    for address in (by_hand(change), link_in(post()[-1])):
        assert f"/login/?next=/invitations/{change.token}/" in look(client, address)[1]
    assert ZOE not in look(client, by_hand(change))[1]
    sign_in(user, client=client)
    assert ZOE in look(client, by_hand(change))[1]
    answer = send(client, by_hand(change))
    assert answer.headers["Location"] == f"/a/{cast.account.slug}/"
    assert membership() is not None


def test_nobody_gets_a_password_for_an_address_that_has_one(cast: Cast) -> None:
    user = somebody(email=ZOE)
    invite(cast)
    address = link_in(post()[0])
    send(Client(), address, name="Eve", password=SECRET, proof=address.partition("?proof=")[2])
    user.refresh_from_db()
    assert not user.check_password(SECRET)
    assert membership() is None


def test_who_is_signed_in_with_another_address_is_told_so_without_it(cast: Cast) -> None:
    change = invite(cast)
    client = browser_of(cast.member)
    status, page = look(client, by_hand(change))
    assert status == 200
    assert "to a different email address" in page
    assert ZOE not in page
    assert cast.account.name not in page
    assert ZOE not in send(client, by_hand(change)).content.decode()
    assert membership() is None


def test_the_account_at_hand_is_the_new_one_afterwards(cast: Cast) -> None:
    invite(cast, email=cast.outsider.email)
    client = browser_of(cast.outsider)
    assert cast.elsewhere.account.name in client.get("/me/", follow=True).wsgi_request.user.current_account.name  # type: ignore[union-attr]
    send(client, link_in(post()[0]).partition("?")[0])
    assert client.session["account"] == cast.account.pk


@pytest.mark.parametrize(("name", "password", "complaint"), [
    ("", SECRET, "This field is required"),
    ("Zoe", "short", "at least 12"),
    ("Zoe", "zoe@acme.example", "too similar"),
])  # fmt: skip
def test_what_is_missing_or_weak_is_said_and_nothing_is_made(
    cast: Cast, name: str, password: str, complaint: str
) -> None:
    invite(cast)
    address = link_in(post()[0])
    answer = send(Client(), address, name=name, password=password, proof=address.partition("?proof=")[2])
    assert complaint in answer.content.decode()
    assert not User.objects.filter(email=ZOE).exists()


def test_it_ends_after_seven_days(cast: Cast) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        change = invite(cast)
        clock.shift(timedelta(days=7, seconds=-1))
        assert look(Client(), by_hand(change))[0] == 200
        clock.shift(timedelta(seconds=1))
        status, page = look(Client(), by_hand(change))
        assert (status, "This invitation expired on" in page) == (410, True)


def test_one_that_is_cancelled_or_sent_again_leads_nowhere(cast: Cast) -> None:
    change = invite(cast)
    row = Invitation.objects.get()
    again = ResendInvitation(account_id=cast.account.pk, invitation_id=row.pk)
    again.apply(actor=cast.owner, reason="It got lost")
    assert [link_in(message).partition("?")[0] for message in post()] == [by_hand(change), by_hand(again)]
    assert look(Client(), by_hand(change))[0] == 404
    assert look(Client(), by_hand(again))[0] == 200
    CancelInvitation(account_id=cast.account.pk, invitation_id=row.pk).apply(actor=cast.owner, reason="A mistake")
    status, page = look(Client(), by_hand(again))
    assert (status, "was cancelled" in page) == (410, True)


def test_it_lapses_with_the_right_of_whoever_sent_it(cast: Cast) -> None:
    sender = cast.join("owner")
    change = Invite(
        account_id=cast.account.pk, email=ZOE, role_id=published("atlas", "admin").pk, branch_id=cast.branch.pk
    )
    change.apply(actor=sender, reason="We grow")
    held = Membership.objects.get(user=sender)
    lower = ChangeRole(account_id=cast.account.pk, membership_id=held.pk, role_id=published("atlas", "member").pk)
    lower.apply(actor=cast.owner, reason="Less to do")
    address = link_in(post()[0])
    answer = send(
        Client(), address, name="Zoe Zimmer", password=SECRET, proof=address.partition("?proof=")[2]
    )  # fmt: skip
    assert answer.status_code == 410
    assert f"{sender} can no longer make you" in answer.content.decode()
    assert not User.objects.filter(email=ZOE).exists(), "Nothing is half done."


def test_a_token_of_nothing_and_of_another_account_show_no_difference_in_what_they_tell(cast: Cast) -> None:
    nothing = look(Client(), "/invitations/nothing/")
    assert nothing[0] == 404
    assert look(browser_of(cast.owner), "/invitations/nothing/")[0] == 404


def test_newcomers_are_limited_in_their_tries(cast: Cast) -> None:
    change = invite(cast)
    client = Client(REMOTE_ADDR="10.4.4.4")
    answers = [send(client, by_hand(change), name="", password="") for _ in range(21)]
    assert answers[19].status_code == 200
    assert answers[20].status_code == 429


def test_a_deactivated_person_is_told_so(cast: Cast) -> None:
    user: User = UserFactory(email=ZOE, is_active=False)
    vouch_for([user])
    change = invite(cast)
    client = browser_of(user)
    assert "sign in" in look(client, by_hand(change))[1]
    assert membership() is None
