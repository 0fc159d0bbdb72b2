"""The second fence of the records and all that hangs on them, and the views that they are searched through."""

from django.db import migrations

from apps.accounts.tenancy import Fenced, SearchView

SHARED = ("Company", "Contact", "Lead", "Opportunity", "Task")
RECORDS = (*SHARED, "Activity")
SHARES = tuple(f"{name}{subject}Share" for name in SHARED for subject in ("User", "Team"))
OTHERS = ("ReferenceCounter", "LeadStatus", "OpportunityStatus", "Source", "Change")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_row_level_security"), ("crm", "0002_audited")]

    operations = [
        *(Fenced(name) for name in (*RECORDS, *SHARES, *OTHERS)),
        *(SearchView(name) for name in RECORDS),
    ]
