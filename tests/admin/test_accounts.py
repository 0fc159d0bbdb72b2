"""One account at a time, chosen in the header."""

from __future__ import annotations

import pytest
from django.urls import reverse

from apps.accounts.addresses import vouch_for
from tests.admin.people import browser, everything, make, staff, url
from tests.factories import PASSWORD, Cast, MembershipFactory, make_cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def test_somebody_in_two_accounts_sees_one_at_a_time_and_can_switch(cast: Cast) -> None:
    person = staff(cast.branch, everything())
    MembershipFactory(branch=cast.elsewhere, user=person)
    here, there = make("task", cast.branch, responsible=person), make("task", cast.elsewhere, responsible=person)
    client = browser(person)
    page = client.get("/admin/").content.decode()
    assert cast.account.name in page
    assert reverse("pages:switch-account", args=[cast.elsewhere.account.slug]) in page
    assert client.get(url(here)).status_code == 200
    assert client.get(url(there)).status_code == 404
    assert client.post(reverse("pages:switch-account", args=[cast.elsewhere.account.slug])).status_code == 302
    assert client.get(url(here)).status_code == 404
    assert client.get(url(there)).status_code == 200


def test_an_account_that_one_is_not_in_is_not_there(cast: Cast) -> None:
    client = browser(staff(cast.branch, everything()))
    foreign = client.post(reverse("pages:switch-account", args=[cast.elsewhere.account.slug]))
    nothing = client.post(reverse("pages:switch-account", args=["nothing-here"]))
    assert foreign.status_code == nothing.status_code == 404
    assert foreign.content == nothing.content


def test_switching_is_never_a_link(cast: Cast) -> None:
    client = browser(staff(cast.branch, everything()))
    assert client.get(reverse("pages:switch-account", args=[cast.account.slug])).status_code == 405


def test_the_header_tells_account_scheme_and_role(cast: Cast) -> None:
    person = staff(cast.branch, everything())
    page = browser(person).get("/admin/").content.decode()
    assert cast.account.role_system.name in page
    assert person.memberships.get().role.name in page


def test_strangers_sign_in_where_everybody_does_and_come_back(cast: Cast) -> None:
    person = staff(cast.branch, everything())
    vouch_for([person])
    client = browser(None)
    asked = client.get("/admin/", follow=True)
    assert asked.redirect_chain[-1][0] == "/login/?next=%2Fadmin%2F"
    response = client.post("/login/", {"login": person.email.upper(), "password": PASSWORD, "next": "/admin/"})
    assert (response.status_code, response.headers.get("Location")) == (302, "/admin/")


def test_a_member_who_is_no_staff_is_told_so(cast: Cast) -> None:
    answer = browser(staff(cast.branch, everything(), is_staff=False)).get("/admin/", follow=True)
    assert answer.status_code == 403
