"""Where each address leads."""

from django.conf import settings
from django.urls import include, path

from apps.backoffice.site import site

handler400 = "config.failures.not_understood"
handler403 = "apps.backoffice.forbidden.forbidden"
handler500 = "config.failures.failed"

urlpatterns = [
    path("", include("apps.crm.urls")),
    path("", include("apps.signin.urls")),
    path("", include("apps.pages.urls")),
    path("", include("apps.billing.urls")),
    path("", include("apps.orgfiles.urls")),
    path("admin/", site.urls),
]

# The demo shows the mail that it sends; elsewhere there is no such page.
if settings.CAUGHT_MAIL:
    urlpatterns.append(path("demo/mail/", include("config.mailcatcher.urls")))
