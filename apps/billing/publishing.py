"""What billing tells those below it at start-up: who issues invoices, after each migrate, and who sells seats."""

from django.apps import apps
from django.db.models.signals import post_migrate

from apps.billing.currencies import invoiced_in
from apps.billing.seats import SeatSeller
from apps.billing.sellers import write_seller
from apps.changes.accounts import currency_kept_by
from apps.changes.seats import sold_by

post_migrate.connect(write_seller, sender=apps.get_app_config("billing"))
sold_by(SeatSeller())
currency_kept_by(invoiced_in)
