"""`python -m bench`: what the engine costs, beside hand-written SQL and beside other libraries on the same grants.

Importing the package sets Django up, since everything in it needs the models.
"""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
# With DEBUG on, Django keeps the text of every query.
os.environ["DEBUG"] = "0"
django.setup()
