"""What is written after each migrate: the seller, as the settings describe it."""

from django.apps import apps
from django.db.models.signals import post_migrate

from apps.billing.sellers import write_seller

post_migrate.connect(write_seller, sender=apps.get_app_config("billing"))
