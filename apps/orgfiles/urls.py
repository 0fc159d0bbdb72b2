"""The addresses of organisation files: an account's own, and the definitions of its roles."""

from apps.orgfiles.views.account_export import export_account
from apps.orgfiles.views.role_files import export_roles, import_roles
from apps.pages.views.page import account_page

app_name = "orgfiles"
urlpatterns = [
    account_page("settings/closing/export/", export_account, name="export"),
    account_page("roles/definitions/export/", export_roles, name="roles-export"),
    account_page("roles/definitions/import/", import_roles, name="roles-import"),
]
