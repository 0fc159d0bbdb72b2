"""What an organisation file says, as plain data. Users are named by address, everything else as in the file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from apps.orgfiles.problems import Problems
from apps.roles.schemes import Scheme
from apps.roles.scopes import Scope


@dataclass(frozen=True, slots=True)
class AccountLine:
    """The account itself. `features` None: its plan has no limits. `preferences` are those that it states."""

    slug: str
    name: str
    scheme: Scheme
    currency: str = "EUR"
    status: str = "active"
    features: tuple[str, ...] | None = None
    preferences: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UserLine:
    """A person. What is None is not said: a known user stays as they are, a new one gets the default."""

    email: str
    name: str | None = None
    password: str | None = None
    active: bool | None = None
    staff: bool | None = None


@dataclass(frozen=True, slots=True)
class TeamLine:
    """A team of a branch, and the addresses of who is in it."""

    slug: str
    name: str
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BranchLine:
    """A branch with its teams."""

    slug: str
    name: str
    status: str = "active"
    teams: tuple[TeamLine, ...] = ()


@dataclass(frozen=True, slots=True)
class MemberLine:
    """A membership."""

    user: str
    branch: str
    role: str
    active: bool = True


@dataclass(frozen=True, slots=True)
class ParentRoleLine:
    """A user's account-wide role."""

    user: str
    role: str


@dataclass(frozen=True, slots=True)
class RoleLine:
    """An own role: a copy of `based_on` with other scopes for the permissions in `grants`."""

    key: str
    name: str
    based_on: str
    grants: Mapping[str, Scope]


@dataclass(frozen=True, slots=True)
class OverrideLine:
    """A member's own scope for one permission on one branch."""

    user: str
    branch: str
    permission: str
    scope: Scope
    reason: str
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class StatusLine:
    """A status of a pipeline."""

    name: str
    outcome: str = "open"
    probability: int = 0
    offered: bool = True


@dataclass(frozen=True, slots=True)
class PipelineLine:
    """A pipeline with its statuses, in their order."""

    name: str
    offered: bool = True
    statuses: tuple[StatusLine, ...] = ()


@dataclass(frozen=True, slots=True)
class CustomFieldLine:
    """A field that the account adds to one type of record."""

    type: str
    key: str
    name: str
    kind: str
    choices: tuple[str, ...] = ()
    former_choices: tuple[str, ...] = ()
    required: bool = False
    offered: bool = True
    help: str = ""


@dataclass(frozen=True, slots=True)
class RecordLine:
    """A record. `about` is a type and a reference; `values` are the type's own fields, by key."""

    type: str
    ref: str
    branch: str
    name: str
    responsible: str | None
    created_by: str | None
    about: tuple[str, str] | None
    created_at: datetime | None
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ShareLine:
    """What a user, or a team (branch and slug), is given on one record (type and reference)."""

    record: tuple[str, str]
    user: str | None
    team: tuple[str, str] | None
    permissions: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Organisation:
    """A whole file. A line's place in its tuple is its place in the file's section.

    Records and shares can be more than there is memory for, so they are only ever gone through in order.
    `notes` are sentences about what the file says and what will have no effect.
    """

    name: str
    account: AccountLine
    users: tuple[UserLine, ...] = ()
    branches: tuple[BranchLine, ...] = ()
    members: tuple[MemberLine, ...] = ()
    parent_roles: tuple[ParentRoleLine, ...] = ()
    roles: tuple[RoleLine, ...] = ()
    overrides: tuple[OverrideLine, ...] = ()
    pipelines: tuple[PipelineLine, ...] = ()
    custom_fields: tuple[CustomFieldLine, ...] = ()
    records: Collection[RecordLine] = ()
    shares: Collection[ShareLine] = ()
    notes: tuple[str, ...] = ()
    problems: Problems = field(default_factory=lambda: Problems(""), repr=False, compare=False)
