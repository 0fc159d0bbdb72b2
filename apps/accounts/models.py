"""Users, the accounts that they work in, and the accounts' branches."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth import get_backends
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.validators import RegexValidator
from django.db import connection, models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from apps.accounts import fence
from apps.accounts.addresses import vouch_for
from apps.accounts.hidden import UNUSABLE, HiddenPassword, PasswordMark, mark_of, password_of
from apps.accounts.preferences import Preferences
from apps.accounts.verbs import OPERATOR_MADE
from apps.audit.services import operation
from apps.audit.text import SingleLineEmailField, SingleLineField, SingleLinesField
from apps.roles.schemes import Scheme, scheme

validate_slug = RegexValidator(
    r"^[a-z0-9]+(?:-[a-z0-9]+)*\Z",
    _("Use lowercase letters, digits and single hyphens, such as north-sea."),
    code="slug",
)
validate_currency = RegexValidator(
    r"^[A-Z]{3}\Z", _("Enter a three-letter currency code, such as EUR."), code="currency"
)


class UserManager(BaseUserManager["User"]):
    """Users by email address, whatever its case."""

    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        """The address as it is stored: without spaces around it, in small letters."""
        return (email or "").strip().lower()

    def get_by_natural_key(self, username: str | None) -> User:
        """The user who signs in with this address.

        Raises:
            User.DoesNotExist: there is none.
        """
        return self.get(email=self.normalize_email(username))

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A new user; without a password they cannot sign in yet.

        Raises:
            ValueError: the address is empty.
        """
        if not email:
            raise ValueError("A user needs an email address.")
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A new platform operator, who may also open the admin; the log says so."""
        with operation(verb=OPERATOR_MADE, actor=None, reason="Created as a platform operator"):
            user = self.create_user(email, password, is_staff=True, is_superuser=True, **fields)
            vouch_for([user])
            return user


class User(AbstractBaseUser):
    """A person, who signs in by email. What they may do is asked of the permission backends alone, of a superuser too.

    `current_account` is the account that the request works in, `accounts` those that it could work in, and
    `operator_session` the open one of a superuser; `viewed_by` is who looks through this user's eyes. The middleware
    binds them.
    """

    # The web role reads it of one person at a time (`hidden`).
    password = HiddenPassword(_("password"), max_length=128)
    # Changes with the password, and is of no use to guess it. Written by the database.
    password_mark = models.GeneratedField(
        expression=PasswordMark("password"), output_field=models.CharField(max_length=64), db_persist=True
    )

    current_account: Account | None = None
    accounts: Sequence[Account] | None = None
    operator_session: Any = None
    viewed_by: User | None = None

    email = SingleLineEmailField(
        "e-mail",
        max_length=254,
        unique=True,
        error_messages={"unique": _("Another user already signs in with this email address.")},
    )
    name = SingleLineField(max_length=150)
    is_active = models.BooleanField("active", default=True)
    is_staff = models.BooleanField(_("may open the admin"), default=False)
    is_superuser = models.BooleanField(_("platform operator"), default=False)
    time_zone = SingleLineField(max_length=60, blank=True)
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    objects = UserManager()

    EMAIL_FIELD = "email"
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    class Meta:
        """An address belongs to one user, whatever its case."""

        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="emails_in_small_letters"),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store the address in the one form that it is compared in."""
        self.email = User.objects.normalize_email(self.email)
        super().save(*args, **kwargs)

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection[Any], **options: Any) -> User:
        """A user as the database has them; a password that it does not show is read when it is asked for."""
        pairs = zip(field_names, values, strict=True)
        shown = {name: value for name, value in pairs if name != "password" or value is not None}
        return super().from_db(db, list(shown), list(shown.values()), **options)

    def refresh_from_db(
        self, using: str | None = None, fields: Iterable[str] | None = None, from_queryset: Any = None
    ) -> None:
        """Read the fields again; the web role reads a password by itself, and no other one with it."""
        if fields is not None and list(fields) == ["password"] and fence.is_fenced():
            self.password = password_of(self.pk)
            return
        if fields is None:
            self.__dict__.pop("password", None)
        super().refresh_from_db(using, fields, from_queryset)

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """What ends the user's other sessions where it changes; Django would need the password for it."""
        salt = "apps.accounts.models.User.session"
        return salted_hmac(salt, self._mark(), secret=secret, algorithm="sha256").hexdigest()

    def has_usable_password(self) -> bool:
        """Whether the user can sign in by a password; every page of the admin asks."""
        return self._mark() != UNUSABLE

    def _mark(self) -> str:
        return mark_of(self.password) if "password" in self.__dict__ else self.password_mark

    def get_full_name(self) -> str:
        """The name that people read."""
        return self.name

    def get_short_name(self) -> str:
        """The first word of the name, or the address."""
        return self.name.split(" ")[0] if self.name else self.email

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Whether some backend grants the permission; without an object: anywhere in the current account?"""
        return any(backend.has_perm(self, perm, obj) for backend in get_backends())

    def has_perms(self, perm_list: Iterable[str], obj: Any = None) -> bool:
        """Whether all of the permissions are granted."""
        return all(self.has_perm(perm, obj) for perm in perm_list)

    def has_module_perms(self, app_label: str) -> bool:
        """Whether any permission of the app is granted anywhere in the current account."""
        return any(backend.has_module_perms(self, app_label) for backend in get_backends())  # type: ignore[attr-defined]

    def get_all_permissions(self, obj: Any = None) -> set[str]:
        """Every granted permission by full name, of the object or anywhere in the current account."""
        return {name for backend in get_backends() for name in backend.get_all_permissions(self, obj)}

    async def ahas_perm(self, perm: str, obj: Any = None) -> bool:
        """See `has_perm`."""
        return await sync_to_async(self.has_perm)(perm, obj)

    async def ahas_perms(self, perm_list: Iterable[str], obj: Any = None) -> bool:
        """See `has_perms`."""
        return await sync_to_async(self.has_perms)(perm_list, obj)

    async def ahas_module_perms(self, app_label: str) -> bool:
        """See `has_module_perms`."""
        return await sync_to_async(self.has_module_perms)(app_label)

    async def aget_all_permissions(self, obj: Any = None) -> set[str]:
        """See `get_all_permissions`."""
        return await sync_to_async(self.get_all_permissions)(obj)


# In place of the roles whose holders need a second factor.
EVERYONE = "*"


class AccountQuerySet(models.QuerySet["Account"]):
    """Accounts by their state."""

    def open(self) -> AccountQuerySet:
        """Accounts that are not closed."""
        return self.exclude(status=Account.Status.CLOSED)


class Account(models.Model):
    """The organisation that subscribes: the tenant. It follows one scheme.

    `features` are those that its plan gives, `seats` how many people it has room for; `log_days` how many days back
    its pages show the log; empty (NULL) means that no plan limits it. While it is `read_only`, permissions that
    change something give nothing. `closes_at` is when a closing account is to be closed. `second_factor` are the
    keys of the roles whose holders need one to work in it (`EVERYONE`: whatever they are). `access_version` is
    raised by triggers whenever anything changes that decisions depend on.
    """

    class Status(models.TextChoices):
        """A closing account keeps its access until it is closed."""

        ACTIVE = "active", _("Active")
        CLOSING = "closing", _("Closing")
        CLOSED = "closed", _("Closed")

    slug = SingleLineField(max_length=60, unique=True, validators=[validate_slug])
    name = SingleLineField(max_length=150)
    scheme = SingleLineField(max_length=40)
    currency = SingleLineField(max_length=3, default="EUR", validators=[validate_currency])
    status = SingleLineField(max_length=10, choices=Status.choices, default=Status.ACTIVE)
    closes_at = models.DateTimeField(null=True, blank=True, editable=False)
    features = SingleLinesField(SingleLineField(max_length=40), null=True, blank=True)
    seats = models.PositiveIntegerField(null=True, blank=True, editable=False)
    second_factor = SingleLinesField(
        SingleLineField(max_length=60),
        default=list,
        db_default=[],
        blank=True,
        verbose_name=_("two-factor authentication required from"),
    )
    log_days = models.PositiveIntegerField(null=True, blank=True, editable=False)
    read_only = models.BooleanField(default=False, db_default=False, editable=False)
    access_version = models.BigIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = AccountQuerySet.as_manager()

    class Meta:
        """Accounts are not a record type; their permissions are in the catalogue."""

        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status="closing") | models.Q(closes_at=None), name="only_closing_accounts_know_when"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def role_system(self) -> Scheme:
        """The scheme that the account follows."""
        return scheme(self.scheme)

    @property
    def preferences(self) -> Preferences:
        """Return the account's preferences, or the defaults if it has none."""
        stored: Preferences | None = getattr(self, "stored_preferences", None)
        return Preferences(account_id=self.pk) if stored is None else stored


class Branch(models.Model):
    """A part of an account with its own members, records and settings; `seats` as the account's, if it has its own."""

    class Status(models.TextChoices):
        """Memberships of a closed branch give nothing."""

        ACTIVE = "active", _("Active")
        CLOSED = "closed", _("Closed")

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="branches")
    slug = SingleLineField(max_length=60, validators=[validate_slug])
    name = SingleLineField(max_length=150)
    status = SingleLineField(max_length=10, choices=Status.choices, default=Status.ACTIVE)
    seats = models.PositiveIntegerField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        """A slug names one branch of an account; the pair (account, id) is what tenants' keys point at."""

        default_permissions = ()
        verbose_name_plural = "branches"
        constraints = [
            models.UniqueConstraint(fields=["account", "slug"], name="one_branch_per_slug"),
            models.UniqueConstraint(fields=["account", "id"], name="branch_of_account"),
        ]

    def __str__(self) -> str:
        return self.name


class ApiToken(models.Model):
    """A key with which a program reads what its owner may read (`tokens`); only its digest is kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = SingleLineField(max_length=60)
    digest = SingleLineField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ends_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        """Its owner's business alone; the catalogue has no permission for it."""

        default_permissions = ()

    def __str__(self) -> str:
        return self.name


class JobFailure(models.Model):
    """That a job failed in the account the last time it was tried (`isolation`); the next success deletes the row."""

    LONGEST_CAUSE = 300

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    job = SingleLineField(max_length=40)
    failing_since = models.DateTimeField(default=timezone.now, editable=False)
    failed_at = models.DateTimeField()
    cause = SingleLineField(max_length=LONGEST_CAUSE)

    class Meta:
        """The state of each job, and no history: that is in the server's log."""

        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["account", "job"], name="one_failure_per_job")]

    def __str__(self) -> str:
        return f"{self.job} failed: {self.cause}"


def users_by_email(emails: Iterable[str]) -> dict[str, User]:
    """The known users among these addresses, by address as stored."""
    wanted = {User.objects.normalize_email(email) for email in emails}
    return {user.email: user for user in User.objects.filter(email__in=wanted)}


def slug_is_taken(slug: str) -> bool:
    """Return whether an account has this slug, also for the web role, which can't see other accounts."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT accounts_slug_is_taken(%s)", [slug])
        (taken,) = cursor.fetchone()
    return bool(taken)
