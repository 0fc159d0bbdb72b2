"""The demo: five accounts with people who can sign in, the same every time."""

from __future__ import annotations

import base64
import hmac
import json
from collections import Counter
from datetime import date, timedelta
from io import StringIO

import pytest
import time_machine
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client
from django.utils import timezone

from apps.access import records, shares
from apps.access.models import OperatorSession, Override
from apps.access.querysets import visible_to
from apps.accounts.models import Account, User
from apps.crm.models import Contact, Task
from apps.orgfiles import organisation
from apps.orgfiles.demo.loading import (
    OPERATOR,
    OPERATOR_SECRET,
    PASSWORD,
    WRITTEN_FOR,
    load_demo,
    operator_code,
    organisations,
)
from apps.roles.schemes import scheme, scheme_keys
from apps.teams.models import Membership, ParentMembership

TYPES = ("company", "contact", "lead", "opportunity", "task", "activity")


def printed(*arguments: str) -> str:
    out = StringIO()
    call_command("demo", *arguments, stdout=out)
    return out.getvalue()


def exported() -> list[list[str]]:
    return [list(organisation.export(account, print)) for account in Account.objects.order_by("slug")]


@pytest.mark.django_db
def test_a_second_run_leaves_everything_and_prints_the_same_table() -> None:
    first = printed()
    before = exported(), list(User.objects.order_by("pk").values())
    assert printed() == first
    assert (exported(), list(User.objects.order_by("pk").values())) == before


@pytest.mark.django_db
def test_a_change_that_somebody_made_survives_a_second_run() -> None:
    load_demo()
    User.objects.filter(email="clara.vidal@lumen.example").update(name="Clara Vidal-Roux")
    Contact.objects.filter(account__slug="lumen", reference="P-8").delete()
    load_demo()
    assert User.objects.get(email="clara.vidal@lumen.example").name == "Clara Vidal-Roux"
    assert not Contact.objects.filter(account__slug="lumen", reference="P-8").exists()


@pytest.mark.django_db
def test_it_is_the_same_every_time() -> None:
    found = []
    for _ in range(2):
        with transaction.atomic():
            load_demo(date(2027, 3, 10))
            found.append(exported())
            transaction.set_rollback(True)
    assert found[0] == found[1]


@pytest.mark.django_db
def test_everybody_in_the_table_can_sign_in_and_may_open_the_admin() -> None:
    for sign_in in {sign_in.email: sign_in for sign_in in load_demo()}.values():
        user = User.objects.get(email=sign_in.email)
        assert user.is_staff
        assert user.is_active
        assert user.check_password(PASSWORD), sign_in
    assert authenticate(username="clara.vidal@lumen.example", password=PASSWORD) is not None


@pytest.mark.django_db
def test_every_scheme_has_one_account_in_which_every_role_is_held() -> None:
    load_demo()
    assert sorted(Account.objects.values_list("scheme", flat=True)) == scheme_keys()
    for account in Account.objects.all():
        held = set(Membership.objects.filter(account=account).values_list("role__key", flat=True))
        held |= set(ParentMembership.objects.filter(account=account).values_list("role__key", flat=True))
        assert set(scheme(account.scheme).roles) <= held


@pytest.mark.django_db
def test_every_account_shows_what_the_product_is_about() -> None:
    load_demo()
    for account in Account.objects.all():
        assert Membership.objects.filter(account=account, status="removed").exists()
        overrides = Override.objects.filter(account=account)
        assert overrides.filter(expires_at__lt=timezone.now()).exists()
        assert overrides.filter(expires_at__gt=timezone.now() + timedelta(days=3 * 365)).exists()
        assert Contact.objects.filter(account=account, private=True).exists()
        assert any(
            table._default_manager.filter(account=account).exists()
            for name in TYPES
            for table in shares.tables(name) or ()
        )
        counts = [records.model_of(name)._default_manager.filter(account=account).count() for name in TYPES]
        assert min(counts) >= 5
        assert 45 <= sum(counts) <= 150


@pytest.mark.django_db
def test_tasks_fall_due_around_today_whenever_it_is_loaded() -> None:
    today = date(2031, 7, 16)
    load_demo(today)
    due = Task.objects.filter(done=False).values_list("due_at__date", flat=True)
    assert all(abs(day - today) < timedelta(days=21) for day in due)
    assert all(day.weekday() < 5 for day in due)


@pytest.mark.django_db
def test_one_person_belongs_to_two_accounts() -> None:
    named = Counter(sign_in.email for sign_in in load_demo())
    twice = [email for email, times in named.items() if times > 1]
    assert twice == ["ines.costa@freelance.example"]
    slugs = Membership.objects.filter(user__email=twice[0], status="active").values_list("account__slug", flat=True)
    assert set(slugs) == {"lumen", "tidewater"}


@pytest.mark.django_db
def test_the_operator_is_the_only_superuser_and_is_told_to_open_a_session() -> None:
    found = load_demo()
    assert found[-1].email == OPERATOR
    assert "session" in found[-1].role
    assert list(User.objects.filter(is_superuser=True).values_list("email", flat=True)) == [OPERATOR]


@pytest.mark.django_db
def test_the_operator_signs_in_with_the_printed_code_and_opens_a_session() -> None:
    assert OPERATOR_SECRET in printed()
    client = Client()
    with time_machine.travel(timezone.now(), tick=False):
        client.post("/login/", {"login": OPERATOR, "password": PASSWORD})
        answer = client.post("/mfa/authenticate/", {"code": printed("--code").strip()})
        assert answer.headers["Location"] == "/"
        client.post("/login/again/", {"password": PASSWORD})
        assert client.post("/admin/operator/", {"reason": "Looking around", "minutes": "15"}).status_code == 302
        assert OperatorSession.objects.open().filter(user__email=OPERATOR).exists()


def test_the_code_is_the_one_of_authenticator_apps() -> None:
    # RFC 6238, appendix B, for the demo's secret and this half minute, as another implementation computes it.
    with time_machine.travel(59, tick=False):
        key = base64.b32decode(OPERATOR_SECRET)
        digest = hmac.new(key, (1).to_bytes(8, "big"), "sha1").digest()
        start = digest[-1] & 15
        number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF
        assert operator_code() == f"{number % 1_000_000:06}"


@pytest.mark.django_db
def test_its_people_see_what_their_role_and_overrides_say() -> None:
    load_demo()
    account = Account.objects.get(slug="tidewater")
    seen = {
        name: set(
            visible_to(User.objects.get(email=f"{name}@tidewater.example"), "view_lead", account=account).values_list(
                "reference", flat=True
            )
        )
        for name in ("patricia.nunes", "filipa.sousa", "gil.ferreira")
    }
    assert len(seen["patricia.nunes"]) == 9
    assert seen["filipa.sousa"] == {"L-4", "L-5", "L-8"}
    assert seen["gil.ferreira"] == set()


@pytest.mark.django_db
def test_an_address_that_belongs_to_somebody_else_is_refused_and_nothing_is_written() -> None:
    User.objects.create_user("rui.tavares@tidewater.example", "x", name="Another Rui")
    with pytest.raises(CommandError, match=r"rui\.tavares@tidewater\.example already exists"):
        printed()
    assert not Account.objects.exists()


@pytest.mark.django_db
def test_a_dry_run_writes_nothing_and_json_is_an_array() -> None:
    dry = json.loads(printed("--dry-run", "--json"))
    assert not User.objects.exists()
    assert dry == json.loads(printed("--json"))
    assert dry[0] == {
        "email": "odile.marchand@lumen.example",
        "password": PASSWORD,
        "account": "Lumen Intérieurs (amocrm)",
        "role": "Administrator",
        "secret": "",
    }


def test_the_files_speak_of_a_monday_and_of_nobody_who_exists() -> None:
    assert WRITTEN_FOR.weekday() == 0
    for found in organisations():
        assert not found.notes
        domains = {line.email.rpartition(".")[2] for line in found.users}
        domains |= {address.rpartition(".")[2] for line in found.records for address in line.values.get("emails", ())}
        assert domains == {"example"}
        names = [line.name for line in found.users]
        assert len(set(names)) == len(names)
