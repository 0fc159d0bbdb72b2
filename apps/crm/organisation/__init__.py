"""The organisation file: an account with its people, roles and records, as text (see docs/organisation-file.md).

`load` reads a file, `parse` reads plain values; both give a checked `Organisation`, and `create` makes it an account.
`export` writes an account as such a file.
"""

from apps.crm.organisation.contents import Organisation
from apps.crm.organisation.exporting import export
from apps.crm.organisation.parsing import load, parse
from apps.crm.organisation.problems import Refused
from apps.crm.organisation.writing import create

__all__ = ["Organisation", "Refused", "create", "export", "load", "parse"]
