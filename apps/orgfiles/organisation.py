"""The organisation file: an account with its people, roles and records, as text (see docs/organisation-file.md).

`load` reads a file, `parse` reads plain values; both give a checked `Organisation`, and `create` makes it an account.
`export` writes an account as such a file.
"""

from apps.orgfiles.contents import Organisation
from apps.orgfiles.exporting import export
from apps.orgfiles.parsing import load, parse
from apps.orgfiles.problems import InvalidOrganisation
from apps.orgfiles.writing import create

__all__ = ["InvalidOrganisation", "Organisation", "create", "export", "load", "parse"]
