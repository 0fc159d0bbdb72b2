"""What the server writes into its log."""

import logging
from io import StringIO

import pytest

from config.logs import OneLine


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    """What is written into the log from here on."""
    stream = StringIO()
    for name in ("", "django", "procrastinate"):
        for handler in logging.getLogger(name).handlers:
            if isinstance(handler, logging.StreamHandler) and isinstance(handler.formatter, OneLine):
                monkeypatch.setattr(handler, "stream", stream)
    return stream
