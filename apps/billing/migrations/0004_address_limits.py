"""An address has no more lines and characters than an invoice has room for."""

import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

import apps.billing.models.base
from apps.audit.operations import AlterText


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0015_job_failures"),
        ("billing", "0003_payment_method_since"),
    ]

    operations = [
        AlterText(
            model_name="payer",
            name="address",
            field=apps.billing.models.base.AddressField(blank=True, max_length=500),
        ),
        AlterText(
            model_name="seller",
            name="address",
            field=apps.billing.models.base.AddressField(max_length=500),
        ),
        migrations.AddConstraint(
            model_name="payer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    django.db.models.lookups.LessThanOrEqual(django.db.models.functions.text.Length("address"), 500),
                    ("address__regex", "^[^\\n]*(\\n[^\\n]*){0,9}$"),
                ),
                name="payer_address_fits_invoice",
            ),
        ),
        migrations.AddConstraint(
            model_name="seller",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    django.db.models.lookups.LessThanOrEqual(django.db.models.functions.text.Length("address"), 500),
                    ("address__regex", "^[^\\n]*(\\n[^\\n]*){0,9}$"),
                ),
                name="seller_address_fits_invoice",
            ),
        ),
    ]
