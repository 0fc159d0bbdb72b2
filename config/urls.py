"""Where each address leads."""

from django.urls import include, path
from django.views.generic import RedirectView

from apps.access.admin.site import site

handler403 = "apps.access.views.forbidden"
handler500 = "config.failures.failed"

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("", include("apps.access.urls")),
    path("admin/", site.urls),
]
