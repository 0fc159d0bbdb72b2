"""URLs of sign-in and of the user's own pages; allauth reverses some of them by its own names."""

from allauth.account import views as account
from django.urls import include, path, re_path

from apps.accounts.secret_addresses import with_secret_address
from apps.signin.views.email import change_email, confirm_email
from apps.signin.views.invitations import invitation
from apps.signin.views.me import me
from apps.signin.views.passkeys import ShowWhoByPasskeyView, SignInByPasskeyView
from apps.signin.views.second_factor import SecondFactorView
from apps.signin.views.sessions import end, end_others, sessions
from apps.signin.views.signup import finish, signup
from apps.signin.views.tokens import end_one_token, new_token, tokens

urlpatterns = [
    path("login/", account.login, name="account_login"),
    path("login/again/", account.reauthenticate, name="account_reauthenticate"),
    path("login/inactive/", account.account_inactive, name="account_inactive"),
    path("login/verify/", account.email_verification_sent, name="account_email_verification_sent"),
    path("logout/", account.logout, name="account_logout"),
    path("password/change/", account.password_change, name="account_change_password"),
    path("password/set/", account.password_set, name="account_set_password"),
    path("password/reset/", account.password_reset, name="account_reset_password"),
    path("password/reset/done/", account.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        with_secret_address(account.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/key/done/",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    path("mfa/", SecondFactorView.as_view(), name="mfa_index"),
    path("mfa/webauthn/login/", SignInByPasskeyView.as_view(), name="mfa_login_webauthn"),
    path("mfa/webauthn/reauthenticate/", ShowWhoByPasskeyView.as_view(), name="mfa_reauthenticate_webauthn"),
    path("mfa/", include("allauth.mfa.urls")),
    path("invitations/<str:token>/", with_secret_address(invitation), name="invitation"),
    path("signup/", signup, name="account_signup"),
    path("signup/<str:sealed>/", with_secret_address(finish), name="finish-signup"),
    path("me/", me, name="me"),
    path("me/email/", change_email, name="change-email"),
    path("me/email/<str:sealed>/", with_secret_address(confirm_email), name="confirm-email"),
    path("me/tokens/", tokens, name="my-tokens"),
    path("me/tokens/new/", new_token, name="new-token"),
    path("me/tokens/<int:number>/end/", end_one_token, name="end-token"),
    path("me/sessions/", sessions, name="my-sessions"),
    path("me/sessions/others/end/", end_others, name="end-other-sessions"),
    path("me/sessions/<int:number>/end/", end, name="end-session"),
]
