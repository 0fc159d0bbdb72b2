"""Somebody's second factor is taken away by somebody else: judged, logged, told, and with no session left."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from apps.accounts.addresses import vouch_for
from apps.accounts.models import User
from apps.audit.models import Entry
from apps.changes.base import ChangeResult
from apps.changes.preview import preview
from apps.changes.refusals import Guard, Refusal
from apps.changes.second_factor import ResetMfa
from apps.changes.undo import Undo
from apps.roles.scopes import Scope
from apps.teams.models import Membership
from tests.audit.chains import report
from tests.factories import Cast, MembershipFactory, OperatorFactory, UserFactory, make_cast
from tests.mailing import post
from tests.signin.people import digits, sign_in, with_app, with_codes
from tests.signin.test_passwords import is_in

pytestmark = pytest.mark.django_db
WHY = "Lost the phone on the train"


@pytest.fixture
def cast() -> Cast:
    cast = make_cast()
    vouch_for([cast.owner, cast.member])
    return cast


def reset(cast: Cast, user: User) -> ResetMfa:
    return ResetMfa(account_id=cast.account.pk, user_id=user.pk)


def refused(change: ResetMfa, actor: User | None) -> Guard:
    with pytest.raises(Refusal) as caught:
        change.apply(actor=actor, reason=WHY)
    return caught.value.guard


def signed_in(user: User) -> Client:
    secret = with_app(user)
    client: Client = sign_in(user).client
    client.post("/mfa/authenticate/", {"code": digits(secret)})
    assert is_in(client)
    return client


def test_it_takes_every_factor_ends_every_session_is_logged_and_told(cast: Cast) -> None:
    client, owner = signed_in(cast.member), sign_in(cast.owner).client
    with_codes(cast.member)
    done = reset(cast, cast.member).apply(actor=cast.owner, reason=WHY)
    assert not Authenticator.objects.filter(user=cast.member).exists()
    assert client.get("/me/").status_code == 302
    assert owner.get("/me/").status_code == 200
    entry: Any = Entry.objects.get(operation=done.operation_id)
    assert (entry.operation.verb, entry.operation.reason) == ("access.mfa.reset", WHY)
    assert (entry.account_id, entry.branch_id, entry.user_id) == (cast.account.pk, cast.branch.pk, cast.member.pk)
    assert (entry.before, entry.after) == ({"second_factor": True}, {"second_factor": False})
    assert report(cast.account.pk).sound
    (message,) = post()
    assert message.to == [cast.member.email]
    assert f"{cast.owner} reset your two-factor authentication in {cast.account}" in str(message.body)
    assert WHY in str(message.body)
    assert is_in(sign_in(cast.member).client), "The password alone is enough again."


def test_the_guards(cast: Cast) -> None:
    for user in (cast.owner, cast.member):
        with_app(user)
    other = cast.join()
    assert refused(reset(cast, cast.owner), cast.owner) is Guard.ONESELF
    assert refused(reset(cast, cast.member), other) is Guard.RIGHT
    assert refused(reset(cast, cast.outsider), cast.owner) is Guard.TARGET
    assert refused(reset(cast, cast.member), cast.outsider) is Guard.TARGET
    cast.let(other, "reset_mfa")
    cast.let(cast.member, "export_lead", Scope.ALL)
    assert refused(reset(cast, cast.member), other) is Guard.ABOVE
    with pytest.raises(Refusal) as blank:
        reset(cast, cast.member).apply(actor=cast.owner, reason=" ")
    assert blank.value.guard is Guard.REASON
    assert Authenticator.objects.count() == 2


def test_nobody_of_one_account_opens_the_way_into_another(cast: Cast) -> None:
    with_app(cast.member)
    MembershipFactory(branch=cast.elsewhere, user=cast.member)
    assert refused(reset(cast, cast.member), cast.owner) is Guard.RIGHT
    assert isinstance(reset(cast, cast.member).apply(actor=OperatorFactory(), reason=WHY), ChangeResult)
    with_app(cast.member)
    Membership.objects.filter(branch=cast.elsewhere, user=cast.member).delete()
    reset(cast, cast.member).apply(actor=cast.owner, reason=WHY)


def test_whoever_may_not_learns_not_whether_there_is_one(cast: Cast) -> None:
    other = cast.join()
    assert refused(reset(cast, cast.member), other) is Guard.RIGHT
    with_app(cast.member)
    assert refused(reset(cast, cast.member), other) is Guard.RIGHT


def test_where_there_is_none_nothing_is_done(cast: Cast) -> None:
    client = sign_in(cast.member).client
    assert reset(cast, cast.member).apply(actor=cast.owner, reason=WHY).operation_id is None
    assert post() == []
    assert client.get("/me/").status_code == 200


def test_a_preview_says_what_comes_with_it_and_does_nothing(cast: Cast) -> None:
    client = signed_in(cast.member)
    lines = " ".join(preview(reset(cast, cast.member), actor=cast.owner).lines())
    assert "is signed out everywhere" in lines
    assert Authenticator.objects.filter(user=cast.member).exists()
    assert client.get("/me/").status_code == 200
    assert post() == []


def test_it_is_not_undone(cast: Cast) -> None:
    with_app(cast.member)
    done = reset(cast, cast.member).apply(actor=cast.owner, reason=WHY)
    with pytest.raises(Refusal, match="nothing to undo"):
        Undo(account_id=cast.account.pk, operation_id=int(done.operation_id or 0)).apply(
            actor=cast.owner, reason="Oops"
        )


def test_the_admin_offers_it_for_others_and_says_why_not_for_oneself(cast: Cast) -> None:
    with_app(cast.member)
    cast.owner.is_staff = True
    cast.owner.save()
    client = sign_in(cast.owner).client
    theirs = Membership.objects.get(user=cast.member)
    own = Membership.objects.get(user=cast.owner)
    assert (
        "Reset two-factor authentication" in client.get(f"/admin/teams/membership/{theirs.pk}/change/").content.decode()
    )
    shown = client.get(f"/admin/teams/membership/{own.pk}/change/").content.decode()
    assert "You can’t reset your own two-factor authentication" in shown


def test_a_user_without_a_place_is_nobody_here(cast: Cast) -> None:
    assert refused(reset(cast, UserFactory()), None) is Guard.TARGET
