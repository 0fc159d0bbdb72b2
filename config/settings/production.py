"""Settings of a server that people work on.

Every setting of `base` is imported by name: a test fails where one is forgotten.
"""

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

DEBUG = False
SECRET_KEY = env.str("SECRET_KEY")
# Earlier keys: what they sealed and signed can still be read.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# DATABASE_URL is required here: the embedded server is for one machine's demo and tests.
env.str("DATABASE_URL")
DATABASES = {
    "default": database("none") | {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True},
}
# How the web server connects; `check --deploy` inspects it.
WEB_DATABASE = database("none", serves_people=True)

# Invitations, password resets and verifications go by email: nobody can sign up without a mail server.
vars().update(env.email_url("EMAIL_URL"))
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL")
# Only the demo shows the mail that it sends.
CAUGHT_MAIL = ""
# Where people reach us, as links in mails say it.
PUBLIC_ADDRESS = env.str("PUBLIC_ADDRESS", default=f"https://{ALLOWED_HOSTS[0]}")

SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=365 * 24 * 3600)
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
# The browser takes cookies of these names from this very host alone, over TLS, for all of it.
SESSION_COOKIE_NAME = "__Host-sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken"
# Only where a proxy in front always sets or strips this header: otherwise a client could claim to be on TLS.
if env.bool("BEHIND_TLS_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

STATIC_ROOT = VAR_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
