"""The accounts app."""

from allauth.account.signals import authentication_step_completed
from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.core.signals import request_finished
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

from apps.accounts import checks, fence, grants, lifetime, naming, session_keys, sign_in_log


class AccountsConfig(AppConfig):
    """Users, accounts and branches."""

    name = "apps.accounts"
    label = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        """Keep what the database was told inside its request, what the web role may do as it should be, and when people
        signed in; log who confirms who they are; and have tables and columns called by names that can be translated.
        """
        naming.make_translatable()
        session_keys.hide_keys()
        connection_created.connect(fence.tell_again)
        request_finished.connect(fence.forget)
        post_migrate.connect(grants.grant_to_web_role, sender=self)
        checks.register()
        user_logged_in.connect(lifetime.begin)
        authentication_step_completed.connect(lifetime.renew)
        authentication_step_completed.connect(sign_in_log.confirmed)
