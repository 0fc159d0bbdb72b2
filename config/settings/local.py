"""Settings of a developer's machine and of `make demo`.

Every setting of `base` is imported by name: a test fails where one is forgotten.
"""

import secrets

from config.settings.base import (
    ACCOUNT_ADAPTER,
    ACCOUNT_EMAIL_NOTIFICATIONS,
    ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS,
    ACCOUNT_EMAIL_VERIFICATION,
    ACCOUNT_FORMS,
    ACCOUNT_LOGIN_METHODS,
    ACCOUNT_RATE_LIMITS,
    ACCOUNT_REAUTHENTICATION_METHODS,
    ACCOUNT_REAUTHENTICATION_REQUIRED,
    ACCOUNT_SESSION_REMEMBER,
    ACCOUNT_SIGNUP_FIELDS,
    ACCOUNT_USER_MODEL_USERNAME_FIELD,
    ALLAUTH_TRUSTED_PROXY_COUNT,
    ANONYMOUS_USER_NAME,
    ASGI_APPLICATION,
    AUTH_PASSWORD_VALIDATORS,
    AUTH_USER_MODEL,
    AUTHENTICATION_BACKENDS,
    BASE_DIR,
    BILLING_SELLER,
    CACHES,
    CONTENT_SECURITY_POLICY,
    CSRF_COOKIE_HTTPONLY,
    CSRF_COOKIE_SAMESITE,
    DEFAULT_AUTO_FIELD,
    EMAIL_TIMEOUT,
    FILE_UPLOAD_HANDLERS,
    FORMAT_MODULE_PATH,
    GUARDIAN_MONKEY_PATCH_GROUP,
    GUARDIAN_MONKEY_PATCH_USER,
    INSTALLED_APPS,
    LANGUAGE_CODE,
    LOCALE_PATHS,
    LOGGING,
    LOGIN_REDIRECT_URL,
    LOGIN_URL,
    LOGOUT_REDIRECT_URL,
    MAIL_LIMIT_MINUTES,
    MESSAGE_STORAGE,
    MFA_ADAPTER,
    MFA_FORMS,
    MFA_PASSKEY_LOGIN_ENABLED,
    MFA_RECOVERY_CODES_SHOW_ONCE,
    MFA_SUPPORTED_TYPES,
    MIDDLEWARE,
    PASSWORD_RESET_TIMEOUT,
    PROCRASTINATE_AUTODISCOVER_MODULE_NAME,
    ROOT_URLCONF,
    SECURE_CONTENT_TYPE_NOSNIFF,
    SECURE_REFERRER_POLICY,
    SERVES_PEOPLE,
    SESSION_COOKIE_AGE,
    SESSION_COOKIE_HTTPONLY,
    SESSION_COOKIE_SAMESITE,
    SILENCED_SYSTEM_CHECKS,
    STATIC_URL,
    STATICFILES_DIRS,
    STRIPE,
    TEMPLATES,
    TIME_ZONE,
    UNFOLD,
    USE_I18N,
    USE_TZ,
    VAR_DIR,
    WSGI_APPLICATION,
    X_FRAME_OPTIONS,
    database,
    env,
)


def local_secret_key() -> str:
    """The key that signs this clone's sessions: made once, kept in a file that only its owner can read."""
    VAR_DIR.mkdir(exist_ok=True)
    path = VAR_DIR / "secret_key"
    try:
        with path.open("x") as file:
            path.chmod(0o600)
            file.write(secrets.token_urlsafe(64))
    except FileExistsError:
        pass
    return path.read_text()


# `make demo` turns it off: people who try the product should meet its pages, not Django's debug pages.
DEBUG = env.bool("DEBUG", default=True)
SECRET_KEY = env.str("SECRET_KEY", default="") or local_secret_key()
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
INTERNAL_IPS = ["127.0.0.1"]

DATABASES = {"default": database("demo")}

# Straight from the source folders, so nothing has to be collected first.
WHITENOISE_USE_FINDERS = True

# `make demo` names a mail server of its own, and where it puts what it catches (see /demo/mail/); elsewhere mails
# are written to the console.
vars().update(env.email_url("EMAIL_URL", default="consolemail://"))
CAUGHT_MAIL = env.str("CAUGHT_MAIL", default="")
DEFAULT_FROM_EMAIL = "Mandate <no-reply@mandate.example>"
# Where people reach us, as links in mails say it.
PUBLIC_ADDRESS = env.str("PUBLIC_ADDRESS", default="http://localhost:8000")

# A passkey is bound to a name, and this machine's own is no address of the web.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True
