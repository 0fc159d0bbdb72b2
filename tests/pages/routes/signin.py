"""Signing in, and what concerns oneself. What each page does is tested in `tests/signin`."""

from tests.pages.table import OpenRoute

OPEN = [
    OpenRoute("login/", signed_in=302, signed_out=200),
    OpenRoute("login/again/"),
    OpenRoute("login/inactive/", signed_out=200),
    OpenRoute("login/verify/", signed_out=200),
    OpenRoute("login/verify/<str:key>/", path="login/verify/nothing/", signed_out=200),
    OpenRoute("logout/", signed_out=302),
    OpenRoute("password/change/"),
    OpenRoute("password/set/", signed_in=302),
    OpenRoute("password/reset/", signed_out=200),
    OpenRoute("password/reset/done/", signed_out=200),
    OpenRoute(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        path="password/reset/key/1-nothing/",
        signed_out=200,
    ),
    OpenRoute("password/reset/key/done/", signed_out=200),
    OpenRoute("mfa/"),
    OpenRoute("mfa/authenticate/", signed_in=302),
    OpenRoute("mfa/reauthenticate/", signed_in=302),
    OpenRoute("mfa/totp/activate/", signed_in=302),
    OpenRoute("mfa/totp/deactivate/", signed_in=404),
    OpenRoute("mfa/recovery-codes/", signed_in=404),
    OpenRoute("mfa/recovery-codes/generate/", signed_in=302),
    OpenRoute("mfa/recovery-codes/download/", signed_in=404),
    OpenRoute("mfa/webauthn/"),
    OpenRoute("mfa/webauthn/add/", signed_in=302),
    OpenRoute("mfa/webauthn/login/", signed_in=302),
    OpenRoute("mfa/webauthn/reauthenticate/", signed_in=302),
    OpenRoute("mfa/webauthn/keys/<int:pk>/remove/", path="mfa/webauthn/keys/1000000000/remove/", signed_in=302),
    OpenRoute("mfa/webauthn/keys/<int:pk>/edit/", path="mfa/webauthn/keys/1000000000/edit/", signed_in=302),
]
