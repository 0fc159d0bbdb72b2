"""An import that is killed leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from tests.orgfiles.files import ACME, counts

# The import in a process of its own, on the database of the tests.
IMPORT = """
import sys
import django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
django.setup()
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "import_org", sys.argv[2]])
"""


def until_records_are_written(seconds: float = 60) -> None:
    """Return once another process writes leads into this database, and has not committed them."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT 1 FROM pg_locks JOIN pg_class ON pg_class.oid = relation JOIN pg_database ON"
                " pg_database.oid = database WHERE datname = current_database() AND relname = 'crm_lead'"
                " AND mode = 'RowExclusiveLock' AND pid <> pg_backend_pid()"
            )
            if cursor.fetchone():
                return
        time.sleep(0.01)
    raise TimeoutError("The import never came to the records.")


def until_alone(seconds: float = 60) -> None:
    """Return once no other process is connected to this database."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            if cursor.fetchone() == (0,):
                return
        time.sleep(0.05)
    raise TimeoutError("The import's connection never ended.")


@pytest.mark.django_db(transaction=True)
def test_an_import_that_is_killed_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "acme.json"
    leads = [{"type": "lead", "ref": f"L-{n}", "branch": "north", "name": f"Lead {n}"} for n in range(30_000)]
    file.write_text(json.dumps(ACME | {"records": leads, "shares": []}))
    before = counts()
    name = str(connection.settings_dict["NAME"])
    with subprocess.Popen([sys.executable, "-c", IMPORT, name, str(file)], cwd=settings.BASE_DIR) as process:
        try:
            until_records_are_written()
        finally:
            os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    until_alone()
    assert counts() == before
