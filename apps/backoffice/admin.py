"""People, access and the log in the admin, registered on the one site that obeys the engine.

Django's autodiscovery loads this module. `apps.backoffice` itself cannot register anything: the template tags import
that package, and unfold loads the template tags before its own admin is there.
"""

from apps.access.models import AccessRequest, Override
from apps.accounts.models import Branch
from apps.audit.models import Operation
from apps.backoffice.custom_roles import RoleAdmin
from apps.backoffice.overrides import OverrideAdmin
from apps.backoffice.people import InvitationAdmin, MembershipAdmin, ParentMembershipAdmin
from apps.backoffice.places import BranchAdmin, TeamAdmin
from apps.backoffice.requests import AccessRequestAdmin
from apps.backoffice.site import site
from apps.backoffice.undoing import UndoingLogAdmin
from apps.roles.models import Role
from apps.teams.models import Invitation, Membership, ParentMembership, Team

site.register(Membership, MembershipAdmin)
site.register(Invitation, InvitationAdmin)
site.register(Team, TeamAdmin)
site.register(ParentMembership, ParentMembershipAdmin)
site.register(Override, OverrideAdmin)
site.register(Role, RoleAdmin)
site.register(AccessRequest, AccessRequestAdmin)
site.register(Branch, BranchAdmin)
site.register(Operation, UndoingLogAdmin)
