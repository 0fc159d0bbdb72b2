"""Settings that hold everywhere. What differs by place is in `local`, `production` and `test`."""

from pathlib import Path
from typing import Any

import django_stubs_ext
import environ
from django.utils.translation import gettext_lazy as _

from config.postgres import server

# Django's generic classes (`ModelAdmin[Lead]`, `Paginator[Any]`) take their parameters at run time too.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent.parent
# What a run makes and git ignores: the embedded database, the local secret, collected static files.
VAR_DIR = BASE_DIR / "var"

env = environ.Env()

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.inlines",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "guardian",
    "csp",
    "django_htmx",
    "djmoney",
    "phonenumber_field",
    "procrastinate.contrib.django",
    "apps.audit",
    "apps.roles",
    "apps.accounts",
    "apps.teams",
    "apps.access",
    "apps.changes",
    "apps.pages",
    "apps.console",
    "apps.backoffice",
    "apps.crm",
    "apps.projects",
    "apps.comms",
    "apps.billing",
    "apps.orgfiles",
    "apps.signin",
]

MIDDLEWARE = [
    "config.middleware.RequestIdMiddleware",
    "config.middleware.HttpsOnlyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    # Before all that answers by itself, so that what is refused says it too.
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "apps.signin.middleware.PrivatePagesMiddleware",
    "apps.signin.middleware.MethodsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "apps.signin.middleware.SessionMiddleware",
    "apps.pages.api_tokens.TokenMiddleware",
    "apps.pages.middleware.CurrentAccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "apps.signin.middleware.SecondFactorMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "apps.pages.context_processors.current_account",
            ],
            # Every page and every mail tells days and times.
            "builtins": ["apps.accounts.templatetags.datetimes"],
        },
    },
]

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


# What serves people (the web server, the queue's workers) says so before the settings are read, and connects as the web
# role, which the second fence binds. Commands are the operator's, and connect as the tables' owner.
SERVES_PEOPLE = env.bool("SERVES_PEOPLE", default=False)


# A server that is gone without a word, such as behind a cable that was cut, is noticed within a minute and not within
# hours. What the address says in its query goes before it.
notice_silence = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


def database(cluster: str, *, serves_people: bool = SERVES_PEOPLE) -> dict[str, Any]:
    """The server that DATABASE_URL names, or without it the embedded one that keeps `cluster`.

    What serves people goes by WEB_DATABASE_URL where it is set.
    """
    url = env.str("DATABASE_URL", default="")
    if serves_people:
        url = env.str("WEB_DATABASE_URL", default="") or url
    if url:
        config = dict(env.db_url_config(url))
        return config | {"OPTIONS": notice_silence | config.get("OPTIONS", {})}
    return {
        "ENGINE": "config.postgres",
        "NAME": "mandate",
        "CLUSTER": cluster,
        "USER": server.WEB if serves_people else server.OWNER,
    }


AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "apps.accounts.backends.SignInBackend",
    "apps.access.backends.MandateBackend",
]
# Long, not common, and not similar to the user or the product; any characters.
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "name")},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "apps.accounts.passwords.KnownPasswordValidator"},
    {"NAME": "apps.accounts.passwords.ContextWordsValidator"},
]
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login/"
# A link that sets a new password is good for an hour.
PASSWORD_RESET_TIMEOUT = 3600

ACCOUNT_ADAPTER = "apps.accounts.signing_in.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "apps.signin.forms.LoginForm",
    "reauthenticate": "apps.signin.forms.ReauthenticateForm",
    "reset_password": "apps.signin.forms.ResetPasswordForm",
    "reset_password_from_key": "apps.signin.forms.ResetPasswordKeyForm",
    "change_password": "apps.signin.forms.ChangePasswordForm",
    "set_password": "apps.signin.forms.SetPasswordForm",
}
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
# Users get an email after every change of their sign-in settings.
ACCOUNT_EMAIL_NOTIFICATIONS = True
# An unknown address gets no email just because a stranger typed it.
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
# How often mail can be asked for, in the time that the sentence about it names: by a user, from a place, to an
# address, for an account.
MAIL_LIMIT_MINUTES = 10
ACCOUNT_RATE_LIMITS = {
    "mail_by_user": f"60/{MAIL_LIMIT_MINUTES}m/user",
    "mail_by_place": f"20/{MAIL_LIMIT_MINUTES}m/ip",
    "mail_to_address": f"3/{MAIL_LIMIT_MINUTES}m/key",
    "mail_by_account": f"120/{MAIL_LIMIT_MINUTES}m/key",
    "reset_password": f"20/m/ip,3/{MAIL_LIMIT_MINUTES}m/key",
    "confirm_email": f"1/{MAIL_LIMIT_MINUTES}m/key",
}
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_METHODS = ("password", "mfa")
ACCOUNT_SESSION_REMEMBER = True
MFA_ADAPTER = "apps.accounts.signing_in.MfaAdapter"
MFA_FORMS = {
    "authenticate": "apps.signin.forms.CodeForm",
    "reauthenticate": "apps.signin.forms.ReauthenticateByCodeForm",
    "activate_totp": "apps.signin.forms.ActivateTOTPForm",
    "add_webauthn": "apps.signin.forms.AddPasskeyForm",
    "edit_webauthn": "apps.signin.forms.RenamePasskeyForm",
    "authenticate_webauthn": "apps.signin.forms.PasskeyForm",
    "login_webauthn": "apps.signin.forms.SignInByPasskeyForm",
    "reauthenticate_webauthn": "apps.signin.forms.ReauthenticateByPasskeyForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
# How many proxies in front are ours: what the last of them says is where a request comes from, for the limits of tries.
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXIES", default=0)

# Limits of tries hold over all processes, so they are counted in the database.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

EMAIL_TIMEOUT = 20

# guardian keeps the shares and decides nothing: no anonymous user, no methods on ours. Its backend is not
# installed on purpose (MandateBackend is the one that grants), so its reminder to install it is off.
ANONYMOUS_USER_NAME = None
GUARDIAN_MONKEY_PATCH_USER = False
GUARDIAN_MONKEY_PATCH_GROUP = False
SILENCED_SYSTEM_CHECKS = ["guardian.W001"]

# All users read one language, of which `locale` has a catalogue (docs/translating.md); English needs none.
LANGUAGE_CODE = env.str("LANGUAGE_CODE", default="en")
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_I18N = True
# As each account has days and times written.
FORMAT_MODULE_PATH = "apps.accounts.formats"
USE_TZ = True

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]

# Half a day without a request ends a session; a week ends it in any case (`apps.accounts.lifetime`).
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
# In the session, and not in a cookie of their own.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
SECURE_CONTENT_TYPE_NOSNIFF = True
FILE_UPLOAD_HANDLERS = ["config.uploads.SmallFilesHandler"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# Nothing but our own files, and nothing written into a page runs. The admin's Alpine needs more, and gets it there
# alone (`apps.backoffice.contentpolicy`).
CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "object-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "jobs"

# The colours are in `static/mandate/tokens.css`.
UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Mandate",
    "SITE_HEADER": "Mandate",
    "SITE_SUBHEADER": _("Every right has a reason"),
    "SITE_URL": None,
    "SITE_ICON": "apps.backoffice.brand.logo",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "apps.backoffice.brand.logo"}],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": False,
    "STYLES": [
        "apps.backoffice.brand.tokens",
        "apps.backoffice.brand.components",
        "apps.backoffice.brand.stylesheet",
    ],
    "DASHBOARD_CALLBACK": "apps.crm.admin.dashboard.dashboard",
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "show_all_applications": False,
        "navigation": "apps.crm.admin.navigation.sections",
    },
    "COMMAND": {"search_models": False, "show_history": False},
}

# To standard error, one line an event (`config.logs`). SQL and its parameters are never logged: they hold people's
# data, and where a password is set, its hash.
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "config.logs.OneLine"}},
    "filters": {
        "requests": {"()": "config.logs.RequestLines"},
        "jobs": {"()": "config.logs.JobLines"},
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["requests"]},
        "jobs": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["jobs"]},
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": ["console"], "level": "INFO", "propagate": False},
        "django.db.backends": {"level": "INFO"},
        "procrastinate": {"handlers": ["jobs"], "level": "INFO", "propagate": False},
        # Each try to connect is a line of its own there; the worker says once that it waits, and once that it runs.
        "psycopg.pool": {"level": "ERROR"},
    },
}

# Who issues the invoices. BILLING_SELLER is a JSON object; what it leaves out is as here.
BILLING_SELLER: dict[str, Any] = {
    "key": "mandate",
    "name": "Mandate Demo GmbH",
    "address": "Musterstraße 1\n10115 Berlin",
    "country": "DE",
    "vat_number": "DE645535255",
    "email": "billing@mandate.example",
    "bank": "Musterbank Berlin",
    "iban": "DE02120300000000202051",
    "bic": "BYLADEM1001",
    "prefix": "M-",
    "rounding": "half_up",
    "days_to_pay": 14,
} | env.json("BILLING_SELLER", default={})
# The payment gateway; without a key, invoices are paid by bank transfer. `address` is another server's in tests.
STRIPE = {
    "secret_key": env.str("STRIPE_SECRET_KEY", default=""),
    "webhook_secret": env.str("STRIPE_WEBHOOK_SECRET", default=""),
    "address": "",
}
