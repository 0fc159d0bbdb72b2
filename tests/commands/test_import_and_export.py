"""import_org and export_org as the command line sees them."""

import json
from pathlib import Path

import pytest
import yaml

from apps.accounts.models import Account
from tests.commands.conftest import Run
from tests.orgfiles.files import ACME, counts
from tests.orgfiles.files import acme as acme_with

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "acme.yaml"
    path.write_text(yaml.safe_dump(ACME, allow_unicode=True), "utf-8")
    return path


def test_an_import_says_what_it_created(run: Run, file: Path) -> None:
    result = run("import_org", str(file))
    assert (result.code, result.err) == (0, "")
    assert result.out == (
        "Created the account acme: 5 users, 2 branches, 4 members, 2 overrides, 8 records, 2 shares.\n"
    )
    assert Account.objects.get().slug == "acme"


def test_a_dry_run_says_what_it_would_create_and_leaves_nothing(run: Run, file: Path) -> None:
    before = counts()
    result = run("import_org", str(file), "--dry-run")
    assert (result.code, result.out[:30]) == (0, "Would create the account acme:")
    assert counts() == before


def test_a_dry_run_is_refused_as_the_import_would_be(run: Run, file: Path, acme: Account) -> None:
    result = run("import_org", str(file), "--dry-run")
    assert (result.code, result.out) == (1, "")
    assert (
        result.err
        == "acme.yaml, line 5, column 9: account.slug: an account acme already exists. Choose another slug.\n"
    )


def test_standard_input_is_read_too(run: Run) -> None:
    assert run("import_org", "-", stdin=json.dumps(ACME)).code == 0


def test_a_refusal_is_told_without_a_traceback_and_nothing_is_written(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "acme.json"
    path.write_text(json.dumps(acme_with(overrides=ACME["overrides"][:1] * 2), indent=1))
    before = counts()
    result = run("import_org", str(path))
    assert (result.code, result.out) == (1, "")
    assert result.err == (
        "acme.json, line 106, column 3: overrides[1]: manage_billing of ben@acme.example on north is listed twice.\n"
    )
    assert counts() == before


def test_what_will_have_no_effect_is_noted(run: Run) -> None:
    own = {"key": "closer", "based_on": "employee", "grants": {"view_billing": "all"}}
    data = {
        "account": {"slug": "firm", "scheme": "amocrm"},
        "users": [{"email": "ann@acme.example"}],
        "branches": [{"slug": "main"}],
        "members": [{"user": "ann@acme.example", "branch": "main", "role": "administrator"}],
        "roles": [own],
    }
    result = run("import_org", "-", stdin=json.dumps(data))
    assert result.code == 0
    assert result.err == "Note: closer doesn't get view_billing: employee, which it is based on, never grants it.\n"


def test_a_file_that_is_not_there_ends_with_1(run: Run) -> None:
    result = run("import_org", "/nowhere/acme.yaml")
    assert (result.code, result.err) == (1, "acme.yaml: can't be read: No such file or directory.\n")


def test_an_export_goes_to_standard_output_or_to_a_file(run: Run, acme: Account, tmp_path: Path) -> None:
    written = run("export_org", "acme")
    assert (written.code, written.err) == (0, "")
    path = tmp_path / "out.yaml"
    path.write_text("what was there before")
    result = run("export_org", "acme", str(path))
    assert (result.code, result.out, result.err) == (0, "", "")
    assert path.read_text("utf-8") == written.out
    assert [each.name for each in tmp_path.iterdir()] == ["out.yaml"]
    found = yaml.safe_load(written.out)
    assert [row["email"] for row in found["users"]] == [row["email"] for row in ACME["users"]]
    assert "password" not in written.out


def test_an_export_that_fails_leaves_the_old_file(
    run: Run, acme: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.yaml"
    path.write_text("what was there before")
    monkeypatch.setattr("apps.orgfiles.exporting._Export._shares", lambda export: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run("export_org", "acme", str(path))
    assert path.read_text() == "what was there before"
    assert [each.name for each in tmp_path.iterdir()] == ["out.yaml"]


def test_an_export_of_what_does_not_exist_or_to_nowhere_ends_with_1(run: Run, acme: Account) -> None:
    assert run("export_org", "globex").err == 'There is no account "globex".\n'
    result = run("export_org", "acme", "/nowhere/out.yaml")
    assert (result.code, result.err) == (1, "/nowhere/out.yaml can't be written: No such file or directory.\n")
