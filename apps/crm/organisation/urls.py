"""The addresses of organisation files: an account's own, and the definitions of its roles."""

from apps.access.views.page import account_page
from apps.access.views.role_files import export_roles, import_roles
from apps.crm.views.taking import export_account

app_name = "orgfiles"
urlpatterns = [
    account_page("settings/closing/export/", export_account, name="export"),
    account_page("roles/definitions/export/", export_roles, name="roles-export"),
    account_page("roles/definitions/import/", import_roles, name="roles-import"),
]
