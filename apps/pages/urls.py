"""The addresses of access itself: the account switcher, and the pages of an account."""

from django.urls import path

from apps.pages.views import invitations, member, members, memberships, parent_roles, teams
from apps.pages.views.branches import add_branch, branches, change_branch
from apps.pages.views.closing import closing
from apps.pages.views.home import home
from apps.pages.views.log import export_log, log
from apps.pages.views.matrix import export_matrix, matrix
from apps.pages.views.my_access import my_access
from apps.pages.views.operation import operation, undo
from apps.pages.views.page import account_page
from apps.pages.views.people import people
from apps.pages.views.permissions import permissions
from apps.pages.views.preferences import preferences
from apps.pages.views.record import record_access
from apps.pages.views.requests import decide_request, new_request, one_request, requests
from apps.pages.views.roles import copy_role, delete_role, edit_role, role, roles
from apps.pages.views.security import second_factor
from apps.pages.views.settings import account_settings, ownership, settings, systems
from apps.pages.views.switching import switch_account
from apps.pages.views.viewing import stop_viewing, view_as
from apps.pages.views.why import why

app_name = "pages"
urlpatterns = [
    path("account/<slug:slug>/", switch_account, name="switch-account"),
    path("me/access/", my_access, name="my-access"),
    path("viewing/stop/", stop_viewing, name="stop-viewing"),
    account_page("", home, name="home"),
    account_page("settings/", settings, name="settings"),
    account_page("settings/account/", account_settings, name="settings-account"),
    account_page("settings/preferences/", preferences, name="settings-preferences"),
    account_page("settings/branches/", branches, name="branches"),
    account_page("settings/branches/new/", add_branch, name="branch-add"),
    account_page("settings/branches/<slug:branch>/<slug:act>/", change_branch, name="branch"),
    account_page("settings/system/", systems, name="settings-scheme"),
    account_page("settings/ownership/", ownership, name="settings-ownership"),
    account_page("settings/closing/", closing, name="settings-closing"),
    account_page("settings/second-factor/", second_factor, name="second-factor"),
    account_page("members/", members.members, name="members"),
    account_page("members/invited/", members.invited, name="members-invited"),
    account_page("members/restore/", members.removed, name="members-restore"),
    account_page("members/role/", members.several_roles, name="members-role"),
    account_page("members/add/", memberships.add, name="member-add"),
    account_page("members/<int:member>/", member.member, name="member"),
    account_page("members/<int:member>/name/", memberships.name, name="member-name"),
    account_page("members/<int:member>/second-factor/", memberships.reset_second_factor, name="member-second-factor"),
    account_page("members/<int:member>/role/<slug:branch>/", memberships.role, name="member-role"),
    account_page("members/<int:member>/remove/", memberships.remove, name="member-remove"),
    account_page("members/<int:member>/restore/<slug:branch>/", memberships.restore, name="member-restore"),
    account_page("members/<int:member>/delete/<slug:branch>/", memberships.delete, name="member-delete"),
    account_page("leave/<slug:branch>/", memberships.leave, name="leave"),
    account_page("invitations/new/", invitations.invite, name="invite"),
    account_page("invitations/<int:invitation>/resend/", invitations.resend, name="invitation-resend"),
    account_page("invitations/<int:invitation>/cancel/", invitations.cancel, name="invitation-cancel"),
    account_page("parent-roles/", parent_roles.parent_roles, name="parent-roles"),
    account_page("parent-roles/grant/", parent_roles.grant, name="parent-grant"),
    account_page("parent-roles/<int:member>/change/", parent_roles.change, name="parent-change"),
    account_page("parent-roles/<int:member>/revoke/", parent_roles.revoke, name="parent-revoke"),
    account_page("teams/", teams.teams, name="teams"),
    account_page("teams/new/", teams.add, name="team-add"),
    account_page("teams/<int:team>/", teams.team, name="team"),
    account_page("teams/<int:team>/change/", teams.change, name="team-change"),
    account_page("teams/<int:team>/delete/", teams.delete, name="team-delete"),
    account_page("members/<int:member>/permissions/<slug:branch>/", permissions, name="member-permissions"),
    account_page("members/<int:member>/view-as/", view_as, name="view-as"),
    account_page("matrix/", matrix, name="matrix"),
    account_page("matrix/export/", export_matrix, name="matrix-export"),
    account_page("people/", people, name="people"),
    account_page("why/", why, name="why"),
    account_page("access/<slug:kind>/<path:reference>/", record_access, name="record"),
    account_page("requests/", requests, name="requests"),
    account_page("requests/new/", new_request, name="request-new"),
    account_page("requests/<int:asked>/", one_request, name="request"),
    account_page("requests/<int:asked>/<slug:act>/", decide_request, name="request-decide"),
    account_page("roles/", roles, name="roles"),
    account_page("roles/<slug:key>/", role, name="role"),
    account_page("roles/<slug:key>/copy/", copy_role, name="role-copy"),
    account_page("roles/<slug:key>/edit/", edit_role, name="role-edit"),
    account_page("roles/<slug:key>/delete/", delete_role, name="role-delete"),
    account_page("audit/", log, name="log"),
    account_page("audit/export/", export_log, name="log-export"),
    account_page("audit/<int:operation>/", operation, name="operation"),
    account_page("audit/<int:operation>/undo/", undo, name="operation-undo"),
]
