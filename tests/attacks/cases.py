"""The table of attacks: who asks what, and what they get. A new case is one line.

`who` names actors (`actors.py`), names in braces are values (`places.py`), and what is expected is a status, or a
judgement (`expected.py`). Whatever is expected, no answer may fail, show what is hidden from the one who asks, lead
away, tell how it is made or lack a header (`asking.py`). `fill` sends the form of the page with `data` in it; `extra`
are fields that it does not have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.attacks.expected import (
    MARK,
    Expected,
    alike,
    alike_to_the_eye,
    as_if_unsaid,
    lacks,
    mails_of_ours,
    only_without,
    refused,
    says,
    status,
)


@dataclass(frozen=True, slots=True)
class Case:
    """One attack."""

    name: str
    who: str
    method: str
    path: str
    expected: Expected
    data: Any = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = ""
    fill: bool = False
    extra: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


CASES: list[Case] = []


def case(name: str, who: str, method: str, path: str, expected: Expected | int, **more: Any) -> None:
    """Add one to the table."""
    CASES.append(Case(name, who, method, path, status(expected) if isinstance(expected, int) else expected, **more))


OVER = {
    "account": MARK,
    "account_id": MARK,
    "branch_id": MARK,
    "created_by": MARK,
    "is_superuser": "on",
    "is_staff": "on",
    "is_active": "",
    "id": MARK,
    "pk": MARK,
    "access_version": MARK,
    "private": "on",
    "user": MARK,
    "role_id": MARK,
    "scheme": "atmos",
    "reference": "L-" + MARK,
    "actor": MARK,
    "custom": MARK,
    "status_id": MARK,
    "email": f"x{MARK}@evil.example",
    "password": MARK,
    "features": MARK,
    "seats": MARK,
    "read_only": "on",
}


def over(*known: str) -> dict[str, str]:
    """Those of `OVER` that the form does not know."""
    return {name: value for name, value in OVER.items() if name not in known}


def upload(name: str, content: str, kind: str = "application/x-yaml") -> dict[str, Any]:
    """A file in a form, as a browser sends it."""
    body = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: {kind}\r\n\r\n{content}\r\n--x--\r\n'
    return {"data": body, "content_type": "multipart/form-data; boundary=x"}


# fmt: off


A, ADMIN = "/a/{here}", "/admin"
REASON = {"reason": "Because of the fair", "confirmed": "yes"}

# Ids, references and slugs of others, in the path, in queries and in bodies. (Every route: test_every_role.)
case("id: another tenant's account as one's own", "owners", "POST", "/account/{there}/", alike)
case("id: another tenant's first page", "everyone", "GET", "/a/{there}/", alike)
case("id: another tenant's log as a file", "owner", "POST", "/a/{there}/audit/export/", alike, data={"file": "csv"})
case("id: another tenant's person, asked why", "owners", "GET", A + "/why/?user={foreign}&permission=view_lead&branch=north", alike)
case("id: another tenant's person by address", "owner", "GET", A + "/why/?user={foreign_email}&permission=view_lead&branch=north", alike)
case("id: another tenant's record, asked why", "owner", "GET", A + "/why/?user={colleague}&permission=view_lead&branch=north&record={there}", alike)
case("id: a page of the log behind another tenant's entry", "owner", "GET", A + "/audit/?before={foreign}", 200)
case("id: another tenant's person in the log's filter", "owner", "GET", A + "/audit/?actor={foreign}&user={foreign}", alike)
case("id: another tenant's branch among members", "owner", "GET", A + "/members/?branch={foreign}", alike)
case("id: people of another tenant's branch", "member", "GET", A + "/people/?on={foreign}&people_words=kanarien", alike)
case("id: people by a text of another tenant", "owners", "GET", A + "/people/?people_words=kanarienvogel", 200)
case("id: matrix of another tenant's branch", "owner", "GET", A + "/matrix/?branch={foreign}", alike)
case("id: a queued preview of another tenant", "owner", "GET", A + "/members/add/?preview={foreign}", alike)
case("id: another tenant's role to export", "owner", "GET", A + "/roles/definitions/export/?key=kanarienvogel-{foreign}", 404)
case("id: an invitation as another tenant's role", "owner", "POST", A + "/invitations/new/", alike, fill=True, data={"email": "n@ew.example", "role": "{foreign}", **REASON})
case("id: an invitation to another tenant's branch", "owner", "POST", A + "/invitations/new/", alike, fill=True, data={"email": "n@ew.example", "branch": "{foreign}", **REASON})
case("id: a team of another tenant's person", "owner", "POST", A + "/teams/new/", alike, fill=True, data={"name": "T", "members": "{foreign}", **REASON})
case("id: a request about another tenant's record", "member", "POST", A + "/requests/new/", alike, fill=True, data={"permission": "delete_lead", "record": "{foreign}", "reason": "To help"})
case("id: a lead of another tenant's company", "owner", "GET", ADMIN + "/crm/lead/add/?company={foreign}", alike)
case("id: a lead about an unseen branch", "member", "POST", ADMIN + "/crm/lead/add/", alike, fill=True, data={"name": "L", "branch": "{foreign}"})
case("id: a lead of another tenant's company, sent", "owner", "POST", ADMIN + "/crm/lead/add/", alike, fill=True, data={"name": "L", "company": "{foreign}"})
case("id: a lead whom another tenant's person answers for", "owner", "POST", ADMIN + "/crm/lead/add/", alike, fill=True, data={"name": "L", "responsible": "{foreign}"})
case("id: leads of another tenant's status", "owner", "POST", ADMIN + "/crm/lead/add/", alike, fill=True, data={"name": "L", "status": "{foreign}"})
case("id: another tenant's lead among those that are deleted", "owner", "POST", ADMIN + "/crm/lead/", alike, data={"action": "delete_selected_records", "_selected_action": "{foreign}"})
case("id: another tenant's lead among those that are exported", "owner", "POST", ADMIN + "/crm/lead/", alike, data={"action": "export_selected", "_selected_action": "{foreign}"})
case("id: a private contact among those that are exported", "owners", "POST", ADMIN + "/crm/contact/", alike, data={"action": "export_selected", "_selected_action": "{private}"})
case("id: a private contact by its address", "everyone", "GET", ADMIN + "/crm/contact/{private}/change/", alike)
case("id: a private contact's history for an operator", "operator in a session", "GET", ADMIN + "/crm/contact/{private}/history/", refused(403, 404))
case("id: a private contact by search", "owners", "GET", ADMIN + "/search/?s=zaunkoenig&extended=1", lacks("zaunk"), )
case("id: another tenant's records by search", "owners", "GET", ADMIN + "/search/?s=kanarien&extended=1", lacks("Company "))
case("id: another tenant's records on offer", "owners", "GET", ADMIN + "/autocomplete/?app_label=crm&model_name=lead&field_name=company&term=kanarien", says('"results": []'))
case("id: another one's token", "owner", "POST", "/me/tokens/{foreign}/end/", alike)
case("id: another one's session", "owner who has just shown who they are", "POST", "/me/sessions/{foreign}/end/", alike)
case("id: another one's passkey", "owner who has just shown who they are", "POST", "/mfa/webauthn/keys/{foreign}/edit/", alike, data={"name": "Mine"})
case("id: another one's passkey, removed", "owner who has just shown who they are", "POST", "/mfa/webauthn/keys/{foreign}/remove/", alike)
case("id: more than the database counts to", "owner", "GET", A + "/members/99999999999999999999999999/", 404)
case("id: a negative number", "owner", "GET", A + "/members/-1/", 404)
case("id: a number in other digits", "owner", "GET", A + "/members/١٢/", 404)
case("id: an admin row of no number", "owner", "GET", ADMIN + "/crm/lead/%00/change/", 404)
case("id: an admin row of a quoted path", "owner", "GET", ADMIN + "/crm/lead/_5F1/change/", 404)

# Fields that a form does not have.
case("mass assignment: one's own details", "member", "POST", "/me/", as_if_unsaid, fill=True, data={"name": "Ben B"}, extra=over())
case("mass assignment: a new lead", "member", "POST", ADMIN + "/crm/lead/add/", as_if_unsaid, fill=True, data={"name": "L"}, extra=over())
case("mass assignment: a lead that is changed", "owner", "POST", ADMIN + "/crm/lead/{lead}/change/", as_if_unsaid, fill=True, data={"name": "L"}, extra=over())
case("mass assignment: a contact that is changed", "owner", "POST", ADMIN + "/crm/contact/{contact}/change/", as_if_unsaid, fill=True, data={"name": "L"}, extra=over("private"))
case("mass assignment: a task that is changed", "owner", "POST", ADMIN + "/crm/task/{task}/change/", as_if_unsaid, fill=True, data={"name": "L"}, extra=over())
case("mass assignment: a colleague's name", "owner", "POST", A + "/members/{colleague}/name/", as_if_unsaid, fill=True, data={"name": "Other Name", **REASON}, extra=over("email"))
case("mass assignment: a team", "owner", "POST", A + "/teams/new/", as_if_unsaid, fill=True, data={"name": "Team", "slug": "team", "branch": "{north}", "members": "{colleague}", **REASON}, extra=over())
case("mass assignment: a branch", "owner", "POST", A + "/settings/branches/new/", as_if_unsaid, fill=True, data={"name": "West", **REASON}, extra=over())
case("mass assignment: the account's settings", "owner", "POST", A + "/settings/account/", as_if_unsaid, fill=True, data={"name": "Acme Two", **REASON}, extra=over())
case("mass assignment: an invitation", "owner", "POST", A + "/invitations/new/", as_if_unsaid, fill=True, data={"email": "n@ew.example", "role": "{role}", "branch": "{north}", **REASON}, extra=over("email"))
case("mass assignment: a request for access", "member", "POST", A + "/requests/new/", as_if_unsaid, fill=True, data={"permission": "delete_lead", "branch": "{north}", "reason": "To help", **REASON}, extra=over())
case("mass assignment: a status of leads", "owner", "POST", A + "/settings/lead-statuses/", as_if_unsaid, fill=True, data={"name": "New one"}, extra=over())
case("mass assignment: who accepts an invitation", "stranger", "POST", "{invitation}", as_if_unsaid, fill=True, data={"name": "Zoe", "password": "a heron stands in the rain"}, extra=over("password"))
case("mass assignment: a contact made private by who may not", "the least", "POST", ADMIN + "/crm/contact/{contact}/change/", status(200, 302, 403, 404), data={"private": "on", "name": "x"})

# One parameter several times, and in the place of another one.
case("pollution: a filter twice", "owner", "GET", A + "/members/?q=a&q={foreign}&tab=x&tab=", 200)
case("pollution: a lead's responsible twice", "owner", "POST", ADMIN + "/crm/lead/add/", alike, fill=True, data={"name": "L", "responsible": ["{owner}", "{foreign}"]})
case("pollution: what the query says for the form", "member", "POST", "/me/?name=Query", lacks("Query"), data={"name": "", "time_zone": ""})
case("pollution: an account in the query", "owner", "GET", A + "/?account={there}&slug={there}", 200)
case("pollution: a page and an order of nonsense", "owner", "GET", ADMIN + "/crm/lead/?p=999999999999&o=-1.2.x&all=", status(200, 302))

# Methods.
for _header in ("X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"):
    case(f"method: {_header}", "owner", "GET", ADMIN + "/crm/lead/{lead}/delete/", refused(200), headers={_header: "POST"})
case("method: one of a form's field", "owner", "GET", ADMIN + "/crm/lead/{lead}/delete/?_method=POST&post=yes", refused(200))
for _method in ("PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND"):
    case(f"method: {_method}", "owner", _method, ADMIN + "/crm/lead/{lead}/delete/", refused(405), data="post=yes")
case("method: GEt", "owner", "GEt", ADMIN + "/crm/lead/{lead}/delete/", refused(200), data="post=yes")
case("method: a look deletes nothing", "owner", "GET", ADMIN + "/crm/lead/{lead}/delete/?post=yes", refused(200))
case("method: HEAD of an export", "owner", "HEAD", A + "/audit/export/", refused(405))

# Forms of other sites.
case("forgery: no token", "strict owner", "POST", "/me/", refused(403), data={"name": "Evil"})
case("forgery: a token of nonsense", "strict owner", "POST", "/me/", refused(403), data={"name": "Evil", "csrfmiddlewaretoken": "a" * 64})
case("forgery: another origin", "strict owner", "POST", "/me/", refused(403), data={"name": "Evil"}, headers={"origin": "https://evil.example"})
case("forgery: no origin at all", "strict owner", "POST", "/me/", refused(403), data={"name": "Evil"}, headers={"origin": "null"})
case("forgery: a host that begins like ours", "strict owner", "POST", "/me/", refused(403), data={"name": "Evil"}, headers={"origin": "http://testserver.evil.example"})
case("forgery: signing out", "strict owner", "POST", "/logout/", refused(403))
case("forgery: signing in as the attacker", "strict stranger", "POST", "/login/", refused(403), data={"login": "{owner_email}", "password": "correct horse battery staple"})
case("forgery: JSON instead of a form", "strict owner", "POST", "/me/", refused(403), data='{"name": "Evil"}', content_type="application/json")
case("forgery: a text instead of a form", "strict owner", "POST", "/me/", refused(403), data="name=Evil", content_type="text/plain")
case("forgery: an empty bearer beside the session", "strict owner", "POST", "/me/", refused(401, 403), data={"name": "Evil"}, headers={"authorization": "Bearer "})

# Where a page leads on.
ASTRAY = ["//evil.example", "\\\\evil.example", "/\\evil.example", "https:evil.example", "https:///evil.example", "/\t/evil.example", "\t//evil.example", "///evil.example", "http://testserver@evil.example/", "https://testserver.evil.example/", "https://crm.example.evil.example", "javascript:alert(1)", "data:text/html,x", "//evil.example/%2f..", "%2f%2fevil.example", "http:\\\\evil.example", "\x00//evil.example", "////evil.example//x"]
for _to in ASTRAY:
    case(f"astray: after signing in, {_to!r}", "stranger", "POST", "/login/", status(302, 200), data={"login": "{owner_email}", "password": "correct horse battery staple", "next": _to})
for _to in ASTRAY[:8]:
    case(f"astray: who is signed in already, {_to!r}", "owner", "POST", "/login/", status(302, 200), data={"next": _to})
    case(f"astray: after a task, {_to!r}", "owner", "POST", ADMIN + "/crm/task/{task}/complete/", 302, data={"next": _to})
    case(f"astray: after signing out, {_to!r}", "owner", "POST", "/logout/", 302, data={"next": _to})
    case(f"astray: the operator's way on, {_to!r}", "operator in a session", "GET", ADMIN + "/operator/", lacks('value="//evil'), data={"next": _to})
case("astray: showing again who one is", "owner", "POST", "/login/again/", 302, data={"password": "correct horse battery staple", "next": "//evil.example"})
case("astray: a path that begins with two slashes", "stranger", "GET", "//evil.example/", status(302, 404))
case("astray: a path without its last slash", "stranger", "GET", "//evil.example/..", status(301, 302, 404))
case("astray: a path of a backslash", "owner", "GET", "/\\evil.example/admin", status(301, 302, 404))
case("astray: the admin's missing slash", "owner", "GET", "/admin//evil.example", status(301, 302, 404))

# Hosts and proxies.
for _host in ("evil.example", "testserver.evil.example", "testserver:80@evil.example", "evil.example#testserver", "", "testserver, evil.example"):
    case(f"host: {_host!r}", "stranger", "GET", "/login/", 400, headers={"host": _host})
case("host: a new password's mail", "stranger", "POST", "/password/reset/", mails_of_ours, data={"email": "{owner_email}"}, headers={"x-forwarded-host": "evil.example", "x-forwarded-proto": "https", "x-host": "evil.example", "forwarded": "host=evil.example"})
case("host: a page that was forwarded", "owner", "GET", "/", lacks("evil.example"), headers={"x-forwarded-host": "evil.example", "x-forwarded-server": "evil.example"})
case("host: an address that was rewritten", "member", "GET", "/login/", 302, headers={"x-original-url": "/admin/", "x-rewrite-url": "/admin/"})
case("host: a script's name that was forwarded", "owner", "GET", "/", lacks("evil.example"), headers={"x-forwarded-prefix": "//evil.example", "x-script-name": "//evil.example"})

# Line breaks for headers and the server's log.
BREAK = "%0d%0aSet-Cookie:%20stolen=1"
case("line break: where one is led after signing in", "stranger", "GET", "/login/?next=/" + BREAK, 200)
case("line break: in an address that asks to sign in", "stranger", "GET", "/a/x/?q=" + BREAK, 302)
case("line break: in a path", "owner", "GET", A + "/members/" + BREAK + "/", 404)
case("line break: in an export's key", "owner", "GET", A + "/roles/definitions/export/?key=" + BREAK, 404)
case("line break: in an export's format", "owner", "GET", A + "/roles/definitions/export/?format=" + BREAK, status(200, 404))
case("line break: in a file's kind", "owner", "POST", A + "/audit/export/", status(400, 404), data={"file": "csv\r\nX: y"})
case("line break: in an address of mail", "stranger", "POST", "/password/reset/", 200, data={"email": "a@b.example\r\nBcc: evil@evil.example"})

# Paths to other files.
for _path in ("/static/../config/settings/base.py", "/static/..%2f..%2fmanage.py", "/static/%2e%2e/%2e%2e/etc/passwd", "/static/....//....//etc/passwd", "/static//etc/passwd", "/static/%00", "/static/admin/%5c..%5c..", "/media/x", "/.env", "/.git/config", "/manage.py", "/demo/mail/", "/demo/mail/..%2f..%2fmanage.py/", "/__debug__/", "/server-status", "/metrics", "/api/"):
    case(f"path: {_path}", "owner", "GET", _path, status(404, 400))
case("path: an invoice's PDF elsewhere", "owner", "GET", A + "/billing/invoices/..%2f..%2fetc/pdf/", 404)
case("path: who sees the record elsewhere", "owner", "GET", A + "/access/lead/..%2f..%2fadmin/", 404)

# What no text can hold, and what is too much.
NASTY = {"a NUL": "a%00b", "a half of a pair": "%ed%a0%80", "no UTF-8": "%ff%fe", "an overlong form": "%c0%af", "an emoji": "%f0%9f%90%98", "a huge number": "9" * 60, "much": "x" * 5000, "patterns": "%25_%5c%27%22%3b--", "a right-to-left mark": "%e2%80%ae", "a tag": "%3cscript%3e"}
PLACES_FOR_TEXT = (A + "/members/?q={}", A + "/requests/?q={}", A + "/audit/?q={}&verb={}&actor={}", A + "/people/?people_words={}", A + "/why/?user={}&permission={}&branch={}&record={}", ADMIN + "/crm/lead/?q={}", ADMIN + "/search/?s={}", ADMIN + "/autocomplete/?app_label=crm&model_name=lead&field_name=company&term={}", A + "/access/lead/{}/", A + "/roles/{}/")
for _number, (_what, _sent) in enumerate(NASTY.items()):
    # What no text holds is tried everywhere, the rest in turn.
    for _place in PLACES_FOR_TEXT if _number < 3 else PLACES_FOR_TEXT[_number % 3 :: 3]:
        case(f"text: {_what} at {_place.removeprefix('/a/{here}')}", "owner", "GET", _place.replace("{}", _sent), status(200, 302, 400, 404, 405))
for _path, _field in {"/me/": "name", "/login/": "login"}.items():
    case(f"text: half a pair as {_field}", "member" if _field == "name" else "stranger", "POST", _path, status(200, 302, 400), data=f"{_field}=a%ED%A0%80b&time_zone=&password=x")
for _what, _value in {"a NUL": "a\0b", "much": "x" * 100_000, "a line break": "a\nb", "a huge number": "9" * 400}.items():
    case(f"text: {_what} as one's name", "member", "POST", "/me/", status(200, 302, 400), data={"name": _value, "time_zone": ""})
    case(f"text: {_what} as a lead's name and value", "owner", "POST", ADMIN + "/crm/lead/add/", status(200, 302, 400), fill=True, data={"name": _value, "value_0": _value, "value_1": "EUR", "company": _value, "branch": _value})
    case(f"text: {_what} as an address and a password", "stranger", "POST", "/login/", status(200, 302, 400), data={"login": _value, "password": _value})
    case(f"text: {_what} as a session's key", "stranger", "GET", "/me/", 302, headers={"cookie": "sessionid=" + _value.encode("ascii", "replace").decode().replace("\n", " ")[:5000]})
case("deep: 200,000 brackets for a passkey", "stranger", "POST", "/mfa/webauthn/login/", status(200, 302, 400), data={"credential": "[" * 200_000})
case("deep: 200,000 brackets to show who one is", "owner", "POST", "/mfa/webauthn/reauthenticate/", status(200, 302, 400), data={"credential": "[" * 200_000})
case("deep: 200,000 brackets from the gateway", "stranger", "POST", "/billing/webhook/", 400, data="[" * 200_000, content_type="application/json")
case("deep: a thousand fields and one more", "owner", "POST", "/me/", 413, data="&".join(f"a{n}=1" for n in range(1100)))
case("deep: three megabytes of a form", "owner", "POST", "/me/", 413, data="name=" + "x" * 3_000_000)
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
IMPORT = A + "/roles/definitions/import/"
case("file: a YAML bomb", "owners", "POST", IMPORT, refused(200, 403), **upload("r.yaml", BOMB))
case("file: YAML that makes an object", "owner", "POST", IMPORT, refused(200), **upload("r.yaml", "!!python/object/apply:os.system ['id']"))
case("file: JSON of 200,000 brackets", "owner", "POST", IMPORT, refused(200), **upload("r.json", "[" * 200_000))
case("file: YAML of 20,000 brackets", "owner", "POST", IMPORT, refused(200), **upload("r.yaml", "[" * 20_000))
case("file: an archive", "owner", "POST", IMPORT, refused(200), **upload("r.zip", "PK\x03\x04" + "\0" * 2000, "application/zip"))
case("file: a name that leads elsewhere", "owner", "POST", IMPORT, refused(200), **upload("../../../etc/passwd", "roles: []"))
case("file: HTML instead", "owner", "POST", IMPORT, refused(200), **upload("r.yaml", "<html><script>alert(1)</script>"))
case("file: two megabytes", "owner", "POST", IMPORT, refused(200, 400), **upload("r.yaml", "x" * 2_000_000))

# Kinds of content.
for _kind in ("application/json", "text/xml", "application/x-www-form-urlencoded; charset=utf-16", "multipart/form-data", "multipart/form-data; boundary=", "text/plain", "application/x-www-form-urlencoded; charset=nonsense"):
    case(f"content: {_kind}", "member", "POST", "/me/", refused(200, 400), data='<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>', content_type=_kind)

# Patterns of SQL and of searching, and lookups that no list offers.
for _sent in ("%25", "_", "%5c", "%27", "%22", "%27%20OR%201=1--", "%25%27%29%20UNION%20SELECT%20password%20FROM%20accounts_user--"):
    case(f"pattern: {_sent} among leads", "owner", "GET", ADMIN + "/crm/lead/?q=" + _sent, lacks("New printers"))
    case(f"pattern: {_sent} among members", "owner", "GET", A + "/members/?q=" + _sent, lacks("col@atlas.example"))
LOOKUPS = ["account__users__password__startswith=m", "responsible__password__startswith=m", "branch__account__name=x", "account={foreign}", "account__slug={there}", "pk__in=1,2", "id__gt=0", "created_by__email__contains=a", "custom__x=1", "name__regex=(a%2b)%2b", "is_private__exact=0", "private__exact=x"]
LISTS = ("crm/lead", "crm/contact", "teams/membership", "audit/operation", "crm/task", "billing/invoice", "access/override")
for _number, _lookup in enumerate(LOOKUPS):
    for _list in dict.fromkeys(("crm/contact", LISTS[_number % len(LISTS)])):
        case(f"lookup: {_list}?{_lookup}", "owner", "GET", f"{ADMIN}/{_list}/?{_lookup}", status(302, 400))
for _order in ("o=99", "o=-99.1", "o=x", "o=1.1.1.1", "o=password", "ot=desc&o=company__name"):
    case(f"lookup: the order {_order}", "owner", "GET", ADMIN + "/crm/contact/?" + _order, status(200, 302, 400))
case("lookup: _to_field of a password", "owner", "GET", ADMIN + "/crm/lead/?_to_field=responsible__password", status(302, 400, 403))
case("lookup: _to_field in a window", "owner", "GET", ADMIN + "/crm/contact/?_to_field=name&_popup=1", status(302, 400, 403))
case("lookup: _popup with a script", "owner", "GET", ADMIN + "/crm/lead/add/?_popup=1&_to_field=id%22%3e%3cscript%3e", status(200, 302, 400, 403))
for _field in ("account", "branch", "responsible", "created_by", "nothing", "company__name", "id", "custom", "__class__"):
    case(f"lookup: {_field} on offer", "owner", "GET", f"{ADMIN}/autocomplete/?app_label=crm&model_name=lead&field_name={_field}&term=a", 403)
for _query in ("", "?app_label=crm", "?app_label=accounts&model_name=user&field_name=id&term=", "?app_label=%00&model_name=lead&field_name=company", "?app_label=auth&model_name=permission&field_name=content_type", "?app_label=crm&model_name=lead&field_name=company&term=%00", "?app_label=crm&model_name=lead&field_name=company&page=x", "?app_label=crm&model_name=lead&field_name=company&page=99"):
    case(f"lookup: on offer{_query}", "owner", "GET", f"{ADMIN}/autocomplete/{_query}", status(200, 403, 404))

# What a template would compute.
for _text in ("{{7*191}}", "{% debug %}", "${7*191}", "#{7*191}", "<%= 7*191 %>", "%(name)s%s{0}{name.__class__}"):
    case(f"template: {_text} as a search", "owner", "GET", A + "/members/", lacks("1337"), data={"q": _text})
    case(f"template: {_text} as a team's name", "owner", "POST", A + "/teams/new/", lacks("1337"), fill=True, data={"name": _text, "slug": "team", "branch": "{north}", "members": "{colleague}", "reason": _text})
    case(f"template: {_text} in a mail", "member", "POST", A + "/requests/new/", lacks("1337"), fill=True, data={"permission": "delete_lead", "branch": "{north}", "reason": _text})

# Names that a terminal, a mail or a line of a list would obey.
SET_NAME: dict[str, tuple[str, str, dict[str, Any]]] = {
    "one's own": ("member", "/me/", {}),
    "a colleague's": ("owner", A + "/members/{colleague}/name/", REASON),
    "a team's": ("owner", A + "/teams/new/", {"slug": "team", "branch": "{north}", "members": "{colleague}", **REASON}),
    "a branch's": ("owner", A + "/settings/branches/new/", {"slug": "west", **REASON}),
    "the account's": ("owner", A + "/settings/account/", REASON),
    "a status's": ("owner", A + "/settings/lead-statuses/", {}),
    "a field's": ("owner", A + "/settings/custom-fields/", {"record_type": "lead", "kind": "text", "choices": ""}),
    "a newcomer's": ("stranger", "{invitation}", {"password": "a heron stands in the rain"}),
    "who signs up's": ("stranger", "/signup/", {"organisation": "New House", "slug": "new-house", "branch": "Main", "scheme": "atlas", "email": "new@comer.example"}),
    "a token's": ("owner who has just shown who they are", "/me/tokens/new/", {"days": "30"}),
}
for _whose, (_who, _path, _rest) in SET_NAME.items():
    for _what, _sign in {"an escape sequence": "\x1b[2J", "a line break": "\n", "an 8-bit control": "\x9b"}.items():
        case(f"name: {_whose} with {_what}", _who, "POST", _path, only_without(name="Ann Archer"), fill=True, data={"name": f"Ann{_sign}Archer", **_rest})

# Sessions.
case("session: one that was signed out", "owner who signed out", "GET", "/me/", 302)
case("session: one of before a new password", "owner of before the new password", "GET", "/me/", 302)
case("session: one of last week", "owner's session of last week", "GET", "/me/", 302)
case("session: one whose key was chosen by an attacker", "attacker who chose the session's key", "GET", "/me/", 302)
case("session: one that an attacker began", "attacker who began the session", "GET", "/me/", 302)
case("session: a guess", "browser with a guessed session", "GET", "/me/", 302)
case("session: nonsense", "browser with a session's key of nonsense", "GET", "/me/", 302)
case("session: of a removed member", "removed member", "GET", A + "/", 404)
case("session: of a removed member, in the admin", "removed member", "GET", ADMIN + "/crm/lead/", 403)
case("session: of who was deactivated", "deactivated member", "GET", "/me/", 302)
for _path in ("/me/email/", "/me/tokens/new/", "/mfa/totp/activate/", "/mfa/recovery-codes/generate/", "/mfa/webauthn/add/"):
    case(f"session: {_path} without showing again who one is", "owner", "POST", _path, refused(302), data={"name": "x", "email": "x@y.example", "days": "30"})
case("session: a new password without the old one", "owner", "POST", "/password/change/", refused(200), data={"password1": "seven green bottles on a wall", "password2": "seven green bottles on a wall"})
case("session: a password set beside the old one", "owner", "POST", "/password/set/", refused(302), data={"password1": "seven green bottles on a wall", "password2": "seven green bottles on a wall"})

# Tokens of programs.
WHY = A + "/why/?user={colleague_email}&permission=view_lead&branch=north&format=json"
case("token: a good one reads", "program", "GET", WHY, 200)
case("token: revoked", "program with a revoked token", "GET", WHY, 401)
case("token: run out", "program whose token has run out", "GET", WHY, 401)
case("token: a session's key", "program with a session's key", "GET", WHY, 401)
case("token: a password", "program with a password", "GET", WHY, 401)
case("token: another scheme", "program with another scheme", "GET", WHY, 302)
case("token: another tenant", "program", "GET", "/a/{there}/why/?format=json", alike)
case("token: of who may not", "member's program", "GET", WHY, 403)
case("token: in the query", "stranger", "GET", WHY + "&token=mandate_x&access_token=x", 302)
for _path in ("/", "/me/", "/me/tokens/", "/admin/", A + "/", A + "/members/", A + "/billing/"):
    case(f"token: {_path} is not for it", "program", "GET", _path, 403)
case("token: changes nothing", "program", "POST", A + "/members/{colleague}/name/", refused(403), data={"name": "x", **REASON})
case("token: makes no token", "program", "POST", "/me/tokens/new/", refused(403), data={"name": "x", "days": "30"})
case("token: ends no token", "program", "POST", "/me/tokens/{foreign}/end/", refused(403))

# Links of mails.
case("link: an invitation that was accepted", "stranger", "POST", "{used_invitation}", refused(410), data={"name": "Eve", "password": "a heron stands in the rain"})
case("link: an invitation that was cancelled", "stranger", "POST", "{cancelled_invitation}", refused(410), data={"name": "Eve", "password": "a heron stands in the rain"})
case("link: an invitation of somebody else", "colleague", "POST", "{invitation}", refused(200))
case("link: a guessed invitation", "stranger", "GET", "/invitations/" + "a" * 43 + "/", 404)
case("link: an invitation of a NUL", "stranger", "GET", "/invitations/%00/", 404)
case("link: a reset that was used", "stranger", "GET", "{used_reset}", 200)
case("link: a reset with another one's number", "stranger", "GET", "{reset_of_another}", 200)
case("link: a reset of a huge number", "stranger", "GET", "/password/reset/key/zzzzzzzzzzzzzzzzzzzzzzzz-x/", 200)
case("link: another one's new address", "owner", "POST", "{moving_of_another}", refused(410))
case("link: a sealed text of nonsense", "owner", "POST", "/me/email/eyJ4Ijox/", refused(410))
case("link: signing up with a sealed text of nonsense", "stranger", "POST", "/signup/eyJ4Ijox/", refused(410))

# Looking as somebody else.
case("view as: by who may not", "the least", "POST", A + "/members/{owner}/view-as/", refused(200, 403, 404), data={"reason": "x"})
case("view as: another tenant's person", "owners", "POST", A + "/members/{foreign}/view-as/", alike, data={"reason": "x"})
case("view as: without a reason", "owner", "POST", A + "/members/{colleague}/view-as/", refused(200), data={"reason": "\u200b"})
for _path in ("/me/", A + "/requests/new/", A + "/members/{colleague}/name/", ADMIN + "/crm/lead/add/", ADMIN + "/crm/lead/{lead}/delete/", "/me/tokens/new/", "/account/{here}/", A + "/audit/export/", A + "/matrix/export/"):
    case(f"view as: {_path} is not sent meanwhile", "owner who views as a colleague", "POST", _path, refused(403), data={"name": "x", "file": "csv", **REASON})
case("view as: a private contact stays hidden", "owner who views as a colleague", "GET", ADMIN + "/crm/contact/{private}/change/", 404)

# Platform operators.
case("operator: without a session, an account's page", "operator without a session", "GET", A + "/", 404)
case("operator: without a session, records", "operator without a session", "GET", ADMIN + "/crm/lead/", 403)
case("operator: a session by who is none", "owners", "POST", ADMIN + "/operator/", refused(404), data={"reason": "x", "minutes": "60"})
case("operator: a session without a reason", "operator without a session", "POST", ADMIN + "/operator/", refused(403), data={"reason": "\u200b", "minutes": "60"})
case("operator: a session without end", "operator without a session", "POST", ADMIN + "/operator/", refused(403), data={"reason": "Help", "minutes": "100000"})

# Who is there is not told.
case("silence: a wrong password of somebody", "stranger", "POST", "/login/", alike_to_the_eye, data={"login": "{foreign_email}", "password": "x" * 12})
case("silence: a new password for somebody", "stranger", "POST", "/password/reset/", alike_to_the_eye, data={"email": "{foreign_email}"})
case("silence: signing up with an address that is taken", "stranger", "POST", "/signup/", alike_to_the_eye, data={"name": "Eve", "email": "{foreign_email}", "password": "a heron stands in the rain"})
case("silence: an invitation to somebody else's address", "owner", "POST", A + "/invitations/new/", alike_to_the_eye, fill=True, data={"email": "{foreign_email}", "role": "{role}", "branch": "{north}", "reason": "We grow"})
case("silence: an address that is somebody's as one's new one", "owner who has just shown who they are", "POST", "/me/email/", alike_to_the_eye, data={"email": "{foreign_email}"})

# Other origins, caches, errors.
for _path in ("/", "/me/", A + "/", ADMIN + "/", ADMIN + "/crm/lead/", A + "/audit/", "/nothing/", ADMIN + "/jsi18n/", A + "/billing/"):
    case(f"origin: {_path} for another origin", "owners" if _path == A + "/" else "owner", "GET", _path, status(200, 403, 404), headers={"origin": "https://evil.example"})
    case(f"origin: {_path} asked first", "owner", "OPTIONS", _path, status(200, 405, 404, 403), headers={"origin": "https://evil.example", "access-control-request-method": "POST"})
case("cache: a page that looks like a file", "owner", "GET", "/me/x.css", 404)
case("cache: a page behind a file's name", "owner", "GET", A + "/members/;x.css", 404)
case("cache: the page that sets a new password", "stranger", "GET", "{reset}", status(200, 302))
case("cache: the page of an invitation", "stranger", "GET", "{invitation}", 200)
case("error: a page that is not there", "stranger", "GET", "/nothing/", 404)
case("error: an address of a percent sign", "stranger", "GET", "/%", 404)
case("error: a range of a page", "owner", "GET", "/", 200, headers={"range": "bytes=0-10", "if-none-match": "*"})
case("error: a gateway's message that is not signed", "stranger", "POST", "/billing/webhook/", refused(400), data='{"id": "evt_1", "type": "invoice.paid"}', content_type="application/json", headers={"stripe-signature": "t=1,v1=" + "a" * 64})
