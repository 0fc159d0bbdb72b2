"""The addresses of the CRM's own pages; daily work is done in the admin."""

from django.urls import path

from apps.crm.views import customfields
from apps.crm.views.lists import LISTS, STATUSES, arrange, entries, entry, remove
from apps.crm.views.work import work
from apps.pages.views.page import account_page

app_name = "crm"
urlpatterns = [
    path("", work, name="work"),
    account_page("settings/custom-fields/", customfields.fields, name="custom-fields"),
    account_page("settings/custom-fields/<int:field>/", customfields.field, name="custom-field"),
    account_page("settings/custom-fields/<int:field>/arrange/", customfields.arrange, name="custom-field-arrange"),
    account_page("settings/custom-fields/<int:field>/delete/", customfields.remove, name="custom-field-delete"),
]
for _key in LISTS:
    _of = "settings/pipelines/<int:pipeline>/statuses/" if _key == STATUSES else f"settings/{_key}/"
    urlpatterns += [
        account_page(_of, entries, name=_key, kept=_key),
        account_page(f"{_of}<int:entry>/", entry, name=f"{_key}-entry", kept=_key),
        account_page(f"{_of}<int:entry>/arrange/", arrange, name=f"{_key}-arrange", kept=_key),
        account_page(f"{_of}<int:entry>/delete/", remove, name=f"{_key}-delete", kept=_key),
    ]
