"""How uploaded files are received: in memory, up to one size."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import MemoryFileUploadHandler


class SmallFilesHandler(MemoryFileUploadHandler):
    """Receives small files in memory, so that nobody can fill the disk, on a page without signing in either."""

    def handle_raw_input(self, *args: Any, **kwargs: Any) -> None:
        """Let a form with files of at most FILE_UPLOAD_MAX_MEMORY_SIZE bytes in.

        Raises:
            RequestDataTooBig: the form is larger, and none of it is read.
        """
        super().handle_raw_input(*args, **kwargs)
        if not self.activated:
            raise RequestDataTooBig("The files of the form are too large.")
