"""People who log in."""

from __future__ import annotations

import zoneinfo
from functools import cache
from typing import Any, ClassVar, Final

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.crypto import salted_hmac

from common import clock
from common.history import tracked
from common.models import BaseModel

PREFERENCES: Final = ("language", "time_zone", "units", "intensity")


class Role(models.TextChoices):
    """Roles of requirement B1; what each may do is in `accounts/matrix.py`."""

    ADMIN = "admin", "Administrator"
    COACH = "coach", "Coach"
    ATHLETE = "athlete", "Athlete"
    DATA_SCIENTIST = "data_scientist", "Data scientist"
    SUPPORT = "support", "Support"
    COMPLIANCE = "compliance", "Compliance"


class Language(models.TextChoices):
    """What pages, mails and problems are written in; names are in the language itself."""

    ENGLISH = "en-gb", "English"
    GERMAN = "de", "Deutsch"


class Units(models.TextChoices):
    METRIC = "metric", "Kilometres"
    IMPERIAL = "imperial", "Miles"


class Intensity(models.TextChoices):
    """How a step's target is shown where it has more than one; blank: as the session prescribes it."""

    PACE = "pace", "Pace"
    POWER = "power", "Power"
    HEART_RATE = "heart_rate", "Heart rate"


def validate_time_zone(name: str) -> None:
    """Refuse names the time zone database does not know."""
    if name not in time_zones():
        raise ValidationError(f"{name!r} is not a time zone name such as Europe/Berlin")


@cache
def time_zones() -> frozenset[str]:
    """Return the names that the database knows; reading it walks through 600 files, 14 ms."""
    return frozenset(zoneinfo.available_timezones())


ERASED_DOMAIN = "erased.invalid"  # RFC 2606: no address of anybody's ends like that


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").strip().lower())

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Make a user; without a password the account is unusable until the invitation is followed."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Make an administrator for `manage.py createsuperuser`, by the service, so that the log tells of it."""
        from accounts.services.people import add_user  # the service needs this model
        from common.context import COMMAND_LINE

        named = {"email": email, "name": fields.get("name", ""), "password": password}
        return add_user(**named, role=Role.ADMIN, acting_user=COMMAND_LINE)


class User(BaseModel, AbstractBaseUser, PermissionsMixin):
    """Somebody who logs in by e-mail; the role decides what they may do, never a claim in a token."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    role = models.CharField(max_length=20, choices=Role)
    is_active = models.BooleanField(default=True)
    token_version = models.PositiveIntegerField(
        default=0, editable=False, help_text="Raised to end every access token that is already out."
    )
    # What the person chose for themselves (`accounts/preferences.py`); blank follows the browser or the company.
    language = models.CharField(max_length=10, choices=Language, blank=True, default="", db_default="")
    time_zone = models.CharField(max_length=60, blank=True, default="", db_default="", validators=[validate_time_zone])
    units = models.CharField(max_length=8, choices=Units, blank=True, default="", db_default="")
    intensity = models.CharField(max_length=10, choices=Intensity, blank=True, default="", db_default="")
    date_joined = models.DateTimeField(default=clock.now, editable=False)

    # Kept out: every log-in would write a row of history; who logged in when is the audit's to tell.
    last_login = None

    objects: ClassVar[UserManager] = UserManager()
    # Rows of history cannot be erased, so they name nobody, and say nothing of where and how somebody reads.
    history = tracked("accounts_user_history", excluded_fields=["password", "email", "name", *PREFERENCES])

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="user_role_known"),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Return what a session was opened under; what ends access tokens ends sessions too."""
        held = f"{self.password}:{self.token_version}"
        return salted_hmac("accounts.User.session", held, secret=secret, algorithm="sha256").hexdigest()

    def clean(self) -> None:
        super().clean()
        self.email = self.email.strip().lower()

    @property
    def is_erased(self) -> bool:
        """Return whether the person behind this log-in was erased."""
        return self.email.endswith(f"@{ERASED_DOMAIN}")

    @property
    def is_staff(self) -> bool:
        """Athletes use the mobile client and the API; everybody else has pages in the admin."""
        return self.role != Role.ATHLETE
