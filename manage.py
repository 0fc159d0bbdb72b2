#!/usr/bin/env python
"""Mandate's command line."""

import os
import sys

from django.core.management import execute_from_command_line

# What these run, people ask for; every other command is the operator's.
SERVE_PEOPLE = ("runserver", "run_worker", "procrastinate")


def main() -> None:
    """Run the command named in the arguments, with the local settings unless others are named."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
    os.environ["SERVES_PEOPLE"] = "1" if sys.argv[1:2] and sys.argv[1] in SERVE_PEOPLE else "0"
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
