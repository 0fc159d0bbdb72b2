"""The transfer of the single role: in one operation, by its holder or an operator, and never for oneself."""

from __future__ import annotations

import pytest

from apps.access.policy import may
from apps.accounts.models import User
from apps.changes.refusals import Guard
from apps.changes.transfer import TransferOwnership
from apps.teams.models import Membership
from tests.changes.tries import made, refusal, refused
from tests.factories import Cast, OperatorFactory, make_cast, published

pytestmark = pytest.mark.django_db


def transfer(cast: Cast, to: User, role: str = "") -> TransferOwnership:
    role_id = published(cast.account.scheme, role).pk if role else None
    return TransferOwnership(account_id=cast.account.pk, to_user_id=to.pk, previous_role_id=role_id)


def role(user: User) -> str:
    return Membership.objects.get(user=user).role.key


@pytest.mark.parametrize(("chosen", "becomes"), [("", "administrator"), ("focused_user", "focused_user")])
def test_the_owner_gives_it_away_and_becomes_what_they_choose(chosen: str, becomes: str) -> None:
    cast = make_cast("onepagecrm")
    entries = made(transfer(cast, cast.member, chosen), cast.owner)
    assert {(entry.user_id, entry.before["names"]["role"]) for entry in entries} == {
        (cast.owner.pk, "Account owner"),
        (cast.member.pk, "User"),
    }
    assert (role(cast.member), role(cast.owner)) == ("account_owner", becomes)
    assert may(cast.member, "transfer_account", cast.account)
    assert not may(cast.owner, "transfer_account", cast.account)
    made(transfer(cast, cast.owner), cast.member)


def test_in_the_ladder_only_an_operator_moves_it_and_its_holder_goes_down() -> None:
    cast = make_cast("staff-ladder")
    admin = cast.join("admin")
    assert refused(transfer(cast, admin), cast.owner) is Guard.RIGHT
    assert refused(transfer(cast, cast.member), admin) is Guard.RIGHT
    assert refused(transfer(cast, admin), OperatorFactory(session=False)) is Guard.TARGET
    made(transfer(cast, admin, "teammate"), None)
    assert (role(admin), role(cast.owner)) == ("super_admin", "teammate")
    made(transfer(cast, cast.owner), OperatorFactory())
    assert (role(cast.owner), role(admin)) == ("super_admin", "admin")


def test_each_guard_says_no_for_itself() -> None:
    cast = make_cast("onepagecrm")
    administrator = cast.join("administrator")
    assert refused(transfer(cast, cast.member), cast.owner, "") is Guard.REASON
    assert refused(transfer(cast, cast.member), administrator) is Guard.RIGHT
    assert refused(transfer(cast, administrator), administrator) is Guard.ONESELF
    assert refused(transfer(cast, cast.outsider), cast.owner) is Guard.TARGET
    assert refused(transfer(cast, cast.member), cast.outsider) is Guard.TARGET
    assert refused(transfer(cast, cast.owner), cast.owner) is Guard.TARGET
    assert refused(transfer(cast, cast.member, "account_owner"), cast.owner) is Guard.TARGET
    other = TransferOwnership(
        account_id=cast.account.pk, to_user_id=cast.member.pk, previous_role_id=published("atlas", "admin").pk
    )
    assert refused(other, cast.owner) is Guard.TARGET
    cast.remove(administrator)
    assert refused(transfer(cast, administrator), cast.owner) is Guard.TARGET
    User.objects.filter(pk=cast.member.pk).update(is_active=False)
    assert refused(transfer(cast, cast.member), cast.owner) is Guard.LAST_KEEPER


def test_an_operator_who_is_a_member_does_not_take_it() -> None:
    cast = make_cast("staff-ladder")
    operator = OperatorFactory()
    cast.join("admin", user=operator)
    assert refused(transfer(cast, operator), operator) is Guard.ONESELF


def test_where_no_role_is_single_nothing_is_transferred() -> None:
    cast = make_cast("atlas")
    found = refusal(transfer(cast, cast.member), cast.owner)
    assert str(found) == "Atlas has no role with a single holder. Change roles instead."


def test_nobody_may_hold_it_yet() -> None:
    cast = make_cast("onepagecrm")
    Membership.objects.filter(user=cast.owner).update(role=published("onepagecrm", "administrator"))
    assert str(refusal(transfer(cast, cast.member), None)) == "Acme has no Account owner."
