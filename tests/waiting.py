"""Telling when a second connection has come to a lock."""

from __future__ import annotations

import time

from django.db import connection


def until_somebody_waits(seconds: float = 60) -> None:
    """Return once another connection of this database waits for a lock.

    Raises:
        TimeoutError: nobody came to wait.
    """
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        with connection.cursor() as cursor:
            # Inside a transaction, the view stays as it was first read.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone():
                return
        time.sleep(0.02)
    raise TimeoutError("Nobody waits for a lock.")
