"""The addresses of the demo's mail."""

from django.urls import path

from config.mailcatcher.views import listing, reading

app_name = "caught"
urlpatterns = [path("", listing, name="listing"), path("<str:name>/", reading, name="reading")]
