"""My access."""

from tests.pages.table import OpenRoute

OPEN = [OpenRoute("me/access/")]
