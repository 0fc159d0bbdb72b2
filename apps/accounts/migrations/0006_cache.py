"""The table of Django's database cache, in which tries to sign in are counted over all processes.

Unlogged: it is written at each try, and is worth nothing after a crash.
"""

from django.db import migrations

CACHE = """
CREATE UNLOGGED TABLE cache (
    cache_key varchar(255) NOT NULL PRIMARY KEY,
    value text NOT NULL,
    expires timestamp with time zone NOT NULL
);
CREATE INDEX cache_expires ON cache (expires);
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_plan_limits")]

    operations = [migrations.RunSQL(CACHE, "DROP TABLE cache")]
