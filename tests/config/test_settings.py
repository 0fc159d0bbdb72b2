"""The settings of each place: complete, and closed where they must be."""

import os
import stat
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from config.postgres.cluster import CLONE
from config.settings import base, local

PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "config.settings.production",
    "SECRET_KEY": "8Vn3uYq1TjPz0sLw6RbKx4GhMd9cFa2Ee7Ii5OoUuNnBbVvCcXxZz",
    "ALLOWED_HOSTS": "mandate.example",
    "DATABASE_URL": "postgres://mandate@localhost/mandate",
    "EMAIL_URL": "smtp+tls://mandate:secret@mail.example:587",
    "DEFAULT_FROM_EMAIL": "Mandate <crm@mandate.example>",
}

# What a process tells of whom it connects as, having been started as the arguments say.
CONNECTS_AS = """
import sys
from unittest.mock import patch
from django.conf import settings
if sys.argv[1] == "manage.py":
    from manage import main
    sys.argv.pop(0)
    with patch("manage.execute_from_command_line"):
        main()
else:
    __import__(sys.argv[1])
print(settings.DATABASES["default"]["USER"])
"""

WITHOUT_SERVER = """
from unittest.mock import patch
from config.postgres.cluster import Cluster
from manage import main
with patch.object(Cluster, "hold", side_effect=SystemExit("a server was started")):
    main()
"""


def run(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run Python in an environment that holds nothing but what is given."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=CLONE,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("place", ["local", "production", "test"])
def test_no_place_forgets_a_setting_of_base(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in PRODUCTION.items():
        monkeypatch.setenv(name, value)
    settings = import_module(f"config.settings.{place}")

    names = {name for name in vars(base) if name.isupper()}

    assert names - set(vars(settings)) == set()


def test_production_passes_djangos_checks_for_a_deployment() -> None:
    checked = run("manage.py", "check", "--deploy", "--fail-level", "WARNING", environment=PRODUCTION)

    assert checked.returncode == 0, checked.stderr


def test_production_hands_its_mail_to_the_server_that_the_environment_names() -> None:
    told = run(
        "-c",
        "from django.conf import settings as s; print(s.EMAIL_BACKEND, s.EMAIL_HOST, s.EMAIL_PORT, s.EMAIL_USE_TLS,"
        " s.EMAIL_HOST_USER, s.DEFAULT_FROM_EMAIL, s.PUBLIC_ADDRESS)",
        environment=PRODUCTION,
    )

    assert told.stdout.split() == [
        "django.core.mail.backends.smtp.EmailBackend", "mail.example", "587", "True", "mandate",
        "Mandate", "<crm@mandate.example>", "https://mandate.example",
    ], told.stderr  # fmt: skip


def test_productions_cookies_are_this_hosts_alone() -> None:
    told = run(
        "-c",
        "from django.conf import settings as s; print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME,"
        " s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SESSION_COOKIE_HTTPONLY, s.SESSION_COOKIE_SAMESITE,"
        " s.SESSION_COOKIE_DOMAIN,"
        " s.SESSION_COOKIE_PATH)",
        environment=PRODUCTION,
    )

    assert told.stdout.split() == ["__Host-sessionid", "__Host-csrftoken", "True", "True", "True", "Lax", "None", "/"]


def test_production_asks_browsers_for_https_for_a_year() -> None:
    told = run(
        "-c",
        "from django.conf import settings as s; print(s.SECURE_SSL_REDIRECT, s.SECURE_HSTS_SECONDS,"
        " s.SECURE_HSTS_INCLUDE_SUBDOMAINS, s.DEBUG)",
        environment=PRODUCTION,
    )

    assert told.stdout.split() == ["True", "31536000", "True", "False"], told.stderr


def test_a_new_secret_key_still_opens_what_the_one_before_sealed() -> None:
    seals = "import django; django.setup(); from apps.accounts.sealing import seal; print(seal('plain', 'test'))"
    opens = seals.replace(
        "seal; print(seal('plain', 'test'))", "unseal; import sys; print(unseal(sys.argv[1], 'test'))"
    )
    sealed = run("-c", seals, environment=PRODUCTION).stdout.strip()
    changed = PRODUCTION | {"SECRET_KEY": PRODUCTION["SECRET_KEY"][::-1]}

    forgotten = run("-c", opens, sealed, environment=changed)
    kept = run("-c", opens, sealed, environment=changed | {"SECRET_KEY_FALLBACKS": PRODUCTION["SECRET_KEY"]})

    assert "Unsealable" in forgotten.stderr
    assert kept.stdout.strip() == "plain", kept.stderr


@pytest.mark.parametrize("name", ["SECRET_KEY", "ALLOWED_HOSTS", "DATABASE_URL", "EMAIL_URL", "DEFAULT_FROM_EMAIL"])
def test_production_does_not_start_without(name: str) -> None:
    environment = {key: value for key, value in PRODUCTION.items() if key != name}

    refused = run("manage.py", "check", environment=environment)

    assert refused.returncode != 0
    assert f"Set the {name} environment variable" in refused.stderr


def test_a_url_names_another_server_than_the_embedded_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://postgres@//run/postgresql/crm")

    assert base.database("demo") == {
        **base.database("demo"),
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "crm",
        "USER": "postgres",
        "HOST": "/run/postgresql",
    }


def test_a_server_that_falls_silent_is_noticed_and_the_address_may_say_when(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://mandate@localhost/mandate?sslmode=require&connect_timeout=3")
    options = base.database("none")["OPTIONS"]
    assert (options["sslmode"], options["connect_timeout"]) == ("require", 3)
    assert options["keepalives_idle"] + options["keepalives_interval"] * options["keepalives_count"] <= 60


def test_without_a_url_it_is_the_embedded_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)

    assert base.database("demo")["ENGINE"] == "config.postgres"


@pytest.mark.parametrize(
    ("started", "role"),
    [
        (["config.wsgi"], "mandate_web"),
        (["config.asgi"], "mandate_web"),
        (["manage.py", "run_worker"], "mandate_web"),
        (["manage.py", "procrastinate", "worker"], "mandate_web"),
        (["manage.py", "runserver"], "mandate_web"),
        (["manage.py", "migrate"], "mandate"),
        (["manage.py", "check_access", "run_worker"], "mandate"),
        (["manage.py"], "mandate"),
    ],
)
@pytest.mark.parametrize("server", ["of its own", "embedded"])
def test_what_serves_people_connects_as_the_web_role(started: list[str], role: str, server: str) -> None:
    embedded = {"DJANGO_SETTINGS_MODULE": "config.settings.test", "SERVES_PEOPLE": "1"}
    own = {**PRODUCTION, "WEB_DATABASE_URL": "postgres://mandate_web@localhost/mandate"}

    told = run("-c", CONNECTS_AS, *started, environment=embedded if server == "embedded" else own)

    assert told.stdout.strip() == role, told.stderr


def test_without_a_url_for_the_web_role_everything_connects_as_the_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://mandate@localhost/mandate")
    monkeypatch.delenv("WEB_DATABASE_URL", raising=False)

    assert base.database("none", serves_people=True) == base.database("none", serves_people=False)


def test_the_local_secret_is_made_once_and_is_its_owners_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "VAR_DIR", tmp_path / "var")

    secret = local.local_secret_key()

    assert len(secret) >= 50
    assert local.local_secret_key() == secret
    assert stat.S_IMODE((tmp_path / "var" / "secret_key").stat().st_mode) == 0o600


def manage_without_server(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a management command that fails where it starts a server."""
    return run("-c", WITHOUT_SERVER, *arguments, environment={"DJANGO_SETTINGS_MODULE": "config.settings.test"})


@pytest.mark.parametrize("command", [["--help"], ["check"], ["migrate", "--help"]])
def test_a_command_that_asks_no_database_starts_no_server(command: list[str]) -> None:
    told = manage_without_server(*command)

    assert told.returncode == 0, told.stderr


def test_a_command_that_asks_the_database_starts_one() -> None:
    told = manage_without_server("showmigrations")

    assert told.returncode != 0
    assert "a server was started" in told.stderr
