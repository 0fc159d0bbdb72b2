"""The addresses of access itself."""

from django.urls import path

from apps.access.views import switch_account

app_name = "access"
urlpatterns = [path("account/<slug:slug>/", switch_account, name="switch-account")]
