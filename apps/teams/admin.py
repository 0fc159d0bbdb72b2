"""People, access and the log in the admin, registered on the one site that obeys the engine.

Django's autodiscovery loads this module. `apps.access.admin` itself cannot register anything: the template tags import
that package, and unfold loads the template tags before its own admin is there.
"""

from apps.access.admin.overrides import OverrideAdmin
from apps.access.admin.ownroles import RoleAdmin
from apps.access.admin.people import InvitationAdmin, MembershipAdmin, ParentMembershipAdmin
from apps.access.admin.places import BranchAdmin, TeamAdmin
from apps.access.admin.requests import AccessRequestAdmin
from apps.access.admin.site import site
from apps.access.admin.undoing import UndoingLogAdmin
from apps.access.models import AccessRequest, Override
from apps.accounts.models import Branch
from apps.audit.models import Operation
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
