"""The memory of a command does not grow with the account: each runs in a process of its own, at two sizes."""

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from apps.accounts.models import Account
from apps.orgfiles.generation.plan import LoadPlan
from apps.orgfiles.generation.run import generate

# MiB by which the peak may differ between the sizes, whatever those are.
ROOM = 12
# Prints the peak of the whole process in KiB, as the system has counted it, on the last line of standard error.
COMMAND = """
import sys
import django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
django.setup()
from django.core.management import call_command
call_command(*sys.argv[2:])
(peak,) = (line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(peak, file=sys.stderr)
"""


def peak(*command: str) -> float:
    """The most memory that the command had at a time, in MiB."""
    name = str(connection.settings_dict["NAME"])
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, name, *command],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stderr.split()[-1]) / 1024


def organisation_of(leads: int) -> list[str]:
    """The lines of an organisation file with so many leads."""
    return [
        "mandate: 1\n",
        f"account: {{slug: of-{leads}, scheme: atlas}}\n",
        "users:\n  - {email: ann@acme.example, name: Ann}\n",
        "branches:\n  - slug: north\n",
        "members:\n  - {user: ann@acme.example, branch: north, role: owner}\n",
        "records:\n",
        *(
            f"  - {{type: lead, ref: L-{n}, branch: north, name: Lead {n}, created_by: ann@acme.example, city: Oslo}}\n"
            for n in range(leads)
        ),
        "shares:\n",
        *(
            f"  - {{record: lead/L-{n}, user: ann@acme.example, permissions: [view], reason: Works on it}}\n"
            for n in range(leads // 2)
        ),
    ]


def as_json(lines: list[str]) -> str:
    """The same without lines of their own for the entries, so that the YAML parser reads it."""
    leads = [{"type": "lead", "ref": f"L-{n}", "branch": "north", "name": f"Lead {n}"} for n in range(len(lines))]
    return json.dumps(
        {
            "account": {"slug": "in-json", "scheme": "atlas"},
            "users": [{"email": "ann@acme.example"}],
            "branches": [{"slug": "north"}],
            "members": [{"user": "ann@acme.example", "branch": "north", "role": "owner"}],
            "records": leads,
        }
    )


@pytest.mark.django_db(transaction=True)
def test_an_import_takes_no_more_memory_for_more_records(tmp_path: Path) -> None:
    peaks = []
    for leads in (2_000, 16_000):
        file = tmp_path / f"{leads}.yaml"
        file.write_text("".join(organisation_of(leads)))
        in_json = tmp_path / f"{leads}.json"
        in_json.write_text(as_json(organisation_of(leads)))
        peaks.append([peak("import_org", str(each), "--dry-run") for each in (file, in_json)])
    for small, large in zip(*peaks, strict=True):
        assert large - small < ROOM
    assert not Account.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_export_and_a_matrix_take_no_more_memory_for_more_of_everything(tmp_path: Path) -> None:
    peaks = []
    for slug, members, leads in (("small", 200, 1_000), ("large", 2_500, 15_000)):
        generate(LoadPlan(account=slug, scheme="atlas", branches=4, members=members, leads=leads))
        exported = peak("export_org", slug, str(tmp_path / f"{slug}.yaml"))
        peaks.append([exported, *(peak("access_matrix", slug, "--format", form) for form in ("csv", "json", "table"))])
    for small, large in zip(*peaks, strict=True):
        assert large - small < ROOM


@pytest.mark.django_db(transaction=True)
def test_what_an_export_wrote_is_taken_and_exported_the_same(tmp_path: Path) -> None:
    """Thousands of records of all types with their links and shares, more than any list in memory holds."""
    counts = {"companies": 900, "contacts": 900, "leads": 900, "opportunities": 500, "tasks": 700, "activities": 700}
    generate(LoadPlan(account="first", scheme="atlas", branches=3, members=40, teams=5, shares=400, **counts))
    first = tmp_path / "first.yaml"
    call_command("export_org", "first", str(first))
    text = first.read_text("utf-8").replace("slug: first,", "slug: second,", 1)
    second = tmp_path / "second.yaml"
    second.write_text(text, "utf-8")
    call_command("import_org", str(second), stdout=StringIO())
    call_command("export_org", "second", str(tmp_path / "again.yaml"))
    assert (tmp_path / "again.yaml").read_text("utf-8") == text
