"""Settings of the tests.

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
SECRET_KEY = "of the tests alone"  # noqa: S105 - guards nothing
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]

# The name is free to choose, so that several runs can go side by side on one server.
DATABASES = {
    "default": database("test") | {"TEST": {"NAME": env.str("MANDATE_TEST_DB", default="test_mandate")}},
}

# Hashing is slow on purpose, and tests sign in thousands of times.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
DEFAULT_FROM_EMAIL = "Mandate <no-reply@mandate.example>"
CAUGHT_MAIL = ""
PUBLIC_ADDRESS = "http://testserver"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True

# A request that asks the database for one row after another fails its test.
INSTALLED_APPS = [*INSTALLED_APPS, "zeal"]
# A change reads its account before and after it. Signing in looks after one person's few addresses, keys and sessions
# one by one; that is allauth's way.
ZEAL_ALLOWLIST = [
    {"model": "accounts.Account", "field": "get()"},
    {"model": "accounts.User", "field": "get()"},
    *(
        {"model": model, "field": "*"}
        for model in ("account.EmailAddress", "mfa.Authenticator", "sessions.Session", "usersessions.UserSession")
    ),
]
MIDDLEWARE = ["zeal.middleware.zeal_middleware", *MIDDLEWARE]
