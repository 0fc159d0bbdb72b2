"""The application as an ASGI server sees it."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.production")
os.environ["SERVES_PEOPLE"] = "1"

application = get_asgi_application()
