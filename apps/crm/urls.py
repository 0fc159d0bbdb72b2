"""The addresses of the CRM's own pages; daily work is done in the admin."""

from django.urls import path

from apps.crm.views.work import work

app_name = "crm"
urlpatterns = [path("", work, name="work")]
