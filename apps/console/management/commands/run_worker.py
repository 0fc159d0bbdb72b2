"""run_worker: run the jobs of the queue."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from apps.accounts.worker import HEARTBEAT, SILENT_HEARTBEATS, QueueWorker
from apps.console.base import Command as BaseCommand


def seconds(text: str) -> float:
    """Return the number of seconds in an argument; refuse anything but a positive number."""
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value <= 3600:
        raise ArgumentTypeError("enter a number of seconds above 0 and up to 3600")
    return value


class Command(BaseCommand):
    """Runs `worker.QueueWorker`."""

    help = (
        "Runs queued jobs: email, billing, previews and daily checks. It runs until it receives SIGTERM, and then "
        "finishes its current job first. If the database becomes unavailable, it waits and continues by itself."
    )
    examples = ("", "--queues mail")

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the queues and the heartbeat."""
        parser.add_argument("--queues", metavar="NAME", nargs="+", help="only run the jobs of these queues")
        parser.add_argument(
            "--heartbeat",
            metavar="SECONDS",
            type=seconds,
            default=HEARTBEAT,
            help=f"heartbeat interval in seconds (default: {HEARTBEAT:g}); after {SILENT_HEARTBEATS} missed "
            "heartbeats, another worker takes over its job",
        )

    def handle(self, *args: Any, queues: list[str] | None, heartbeat: float, **options: Any) -> None:
        """Run until a signal arrives."""
        asyncio.run(QueueWorker(heartbeat=heartbeat, queues=queues).run())
