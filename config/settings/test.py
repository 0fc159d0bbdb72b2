"""Settings of the tests.

Every setting of `base` is imported by name: a test fails where one is forgotten.
"""

from config.settings.base import (
    ANONYMOUS_USER_NAME,
    ASGI_APPLICATION,
    AUTH_PASSWORD_VALIDATORS,
    AUTH_USER_MODEL,
    AUTHENTICATION_BACKENDS,
    BASE_DIR,
    BILLING_SELLER,
    CONTENT_SECURITY_POLICY,
    CSRF_COOKIE_SAMESITE,
    DEFAULT_AUTO_FIELD,
    GUARDIAN_MONKEY_PATCH_GROUP,
    GUARDIAN_MONKEY_PATCH_USER,
    INSTALLED_APPS,
    LANGUAGE_CODE,
    LOGGING,
    LOGIN_REDIRECT_URL,
    LOGIN_URL,
    MIDDLEWARE,
    PROCRASTINATE_AUTODISCOVER_MODULE_NAME,
    PROCRASTINATE_IMPORT_PATHS,
    ROOT_URLCONF,
    SECURE_CONTENT_TYPE_NOSNIFF,
    SECURE_REFERRER_POLICY,
    SERVES_PEOPLE,
    SESSION_COOKIE_HTTPONLY,
    SESSION_COOKIE_SAMESITE,
    SILENCED_SYSTEM_CHECKS,
    STATIC_URL,
    STATICFILES_DIRS,
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
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True

# A request that asks the database for one row after another fails its test.
INSTALLED_APPS = [*INSTALLED_APPS, "zeal"]
MIDDLEWARE = ["zeal.middleware.zeal_middleware", *MIDDLEWARE]
