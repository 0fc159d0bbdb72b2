"""The admin in a real browser under its content policy: all of it works, and what people wrote never runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from apps.crm.models import Company, CustomField, Lead
from tests.admin.people import TYPES, all_but, everything, make, staff, url
from tests.admin.stored import ADDRESS, TAGS, plant, text_of
from tests.browser.driving import faults, go, sign_in
from tests.factories import Cast, CustomFieldFactory
from tests.fence.world import Side

LISTEN = """
window.stored = () => heard(['ran']);
document.addEventListener('securitypolicyviolation', event =>
    heard([event.disposition, event.effectiveDirective, event.sourceFile.replace(/.*[/]/, '')]));
"""
# The libraries that write markup or compile expressions, as Trusted Types report them.
LIBRARIES = {"alpine.js", "htmx.js", "app.js", "simplebar.js", "jquery.min.js", "select2.full.min.js"}
# What a browser refuses of markup that is put into a page, and the directive that refuses it.
INJECTED = {
    "<img src=x onerror=stored()>": "script-src-attr",
    "<iframe srcdoc='<script>parent.stored()</script>'></iframe>": "script-src-elem",
    "<b style='color: red'></b>": "style-src-attr",
    "<style>b {}</style>": "style-src-elem",
}


@dataclass
class Heard:
    """What a page told of its policy: how often a text ran, what was refused, and what was only reported."""

    ran: int = 0
    refused: list[list[str]] = field(default_factory=list)
    reported: list[list[str]] = field(default_factory=list)

    def hear(self, told: list[str]) -> None:
        """Sort one event."""
        if told[0] == "ran":
            self.ran += 1
        else:
            (self.reported if told[0] == "report" else self.refused).append(told[1:])


@pytest.fixture
def heard(page: Page) -> Heard:
    """What the page tells from now on."""
    listener = Heard()
    page.expose_function("heard", listener.hear)
    page.add_init_script(LISTEN)
    return listener


@pytest.fixture
def planted(live_server: LiveServer) -> Side:
    """An account in which every text would run, if it could."""
    return plant()


@pytest.fixture
def quiet(page: Page, heard: Heard) -> Iterator[None]:
    """Nothing is refused or broken, and only the libraries are reported."""
    told = faults(page)
    yield
    assert told == []
    assert heard.refused == []
    assert {source for _, source in heard.reported} <= LIBRARIES
    assert heard.ran == 0


@pytest.mark.usefixtures("quiet")
def test_lists_selections_and_their_confirmations_work(live_server: LiveServer, page: Page, cast: Cast) -> None:
    viewer = staff(cast.branch, everything())
    lead: Any = make("lead", cast.branch, name="New printers", responsible=viewer)
    sign_in(page, live_server, viewer)
    go(page, live_server, url("lead", "changelist"))
    page.locator("input.action-select").first.check()
    page.get_by_role("button", name="Add tag").click()
    page.get_by_label("Tag to add").fill("fair")
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile("/admin/crm/lead/"))
    lead.refresh_from_db()
    assert lead.tags == ["fair"]
    go(page, live_server, url(lead, "delete"))
    page.locator("#content form").get_by_role("button").first.click()
    expect(page).to_have_url(re.compile("/admin/crm/lead/$"))
    assert not Lead.objects.exists()


@pytest.mark.usefixtures("quiet")
def test_a_records_form_works_with_its_tabs_lists_calendar_and_picker(
    live_server: LiveServer, page: Page, cast: Cast
) -> None:
    viewer = staff(cast.branch, everything())
    CustomFieldFactory(
        account=cast.account, key="fair", name="Fair", kind=CustomField.Kind.DATE, help_text="Which day?"
    )
    lead: Any = make("lead", cast.branch, responsible=viewer)
    company = make("company", cast.branch, name="Initech", responsible=viewer)
    sign_in(page, live_server, viewer)
    go(page, live_server, url(lead))
    expect(page.get_by_text("Which day?")).to_be_visible()
    page.locator("#calendarlink0").click()
    page.locator("#calendarbox0 td a", has_text="15").click()
    page.get_by_text("Contact details").first.click()
    emails = page.locator("div[data-name=emails]")
    emails.get_by_role("button", name="Add another").click()
    emails.locator("input").last.fill("ann@initech.example")
    page.get_by_text("Linked to").first.click()
    page.locator(".field-company .select2-selection, #id_company + .select2 .select2-selection").first.click()
    page.locator(".select2-search__field").last.press_sequentially("Init")
    page.get_by_role("option", name=re.compile("Initech")).click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page).to_have_url(re.compile("/admin/crm/lead/$"))
    lead.refresh_from_db()
    assert (lead.emails, lead.company_id) == (["ann@initech.example"], company.pk)
    assert lead.custom["fair"].endswith("-15")


@pytest.mark.usefixtures("quiet")
def test_a_linked_record_is_added_in_its_window(live_server: LiveServer, page: Page, cast: Cast) -> None:
    viewer = staff(cast.branch, everything())
    lead: Any = make("lead", cast.branch, responsible=viewer)
    sign_in(page, live_server, viewer)
    go(page, live_server, url(lead))
    page.get_by_text("Linked to").first.click()
    page.locator("[data-id=related-widget-wrapper-company] [x-ref]").click()
    with page.expect_popup() as opened:
        page.locator("#add_id_company").click()
    window = opened.value
    window.locator("#id_name").fill("Initrode")
    window.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#id_company option", has_text="Initrode")).to_have_count(1)
    assert Company.objects.filter(name="Initrode").exists()


@pytest.mark.usefixtures("quiet")
def test_the_palette_and_the_theme_work(live_server: LiveServer, page: Page, cast: Cast) -> None:
    viewer = staff(cast.branch, everything())
    lead: Any = make("lead", cast.branch, name="New printers", responsible=viewer)
    sign_in(page, live_server, viewer)
    go(page, live_server, "/admin/")
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert before not in {"rgba(0, 0, 0, 0)", ""}
    page.keyboard.press("Control+e")
    page.keyboard.press("Control+e")
    expect(page.locator("html")).to_have_class(re.compile(r"\bdark\b"))
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    page.keyboard.press("Control+k")
    expect(page.locator("#search-input-command")).to_be_focused()
    page.keyboard.type("printers")
    expect(page.locator("#command-results-list li")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(url(lead)))


@pytest.mark.usefixtures("quiet")
def test_a_change_of_access_is_previewed_and_confirmed(live_server: LiveServer, page: Page, cast: Cast) -> None:
    viewer = staff(cast.branch, everything())
    sign_in(page, live_server, viewer)
    go(page, live_server, "/admin/teams/team/add/")
    page.get_by_label("Name").fill("Sales")
    page.get_by_label("Branch").select_option(index=1)
    page.get_by_label("Reason").fill("For the fair")
    page.get_by_role("button", name="Preview changes").click()
    expect(page.get_by_text("Nothing has changed yet")).to_be_visible()
    page.locator("button[name=confirmed]").click()
    expect(page.get_by_text("View in audit log")).to_be_visible()


def test_nothing_that_people_wrote_runs(live_server: LiveServer, page: Page, planted: Side, heard: Heard) -> None:
    told = faults(page)
    sign_in(page, live_server, planted.staff)
    paths = ["/admin/", "/admin/teams/membership/", "/admin/access/override/", "/admin/access/accessrequest/"]
    paths += ["/admin/roles/role/", "/admin/accounts/branch/", "/admin/teams/team/", "/admin/audit/operation/"]
    for record_type in TYPES:
        record = planted.records[record_type]
        paths += [url(record_type, "changelist"), url(record), url(record, "history"), url(record, "rights")]
    for path in paths:
        go(page, live_server, path)
        page.wait_for_load_state("networkidle")
    go(page, live_server, url(planted.records["lead"]))
    assert heard.ran == 0
    expect(page.get_by_text(text_of("crm_customfield.help_text")).first).to_be_attached()
    page.get_by_text("Linked to").first.click()
    page.locator("#id_company + .select2 .select2-selection").click()
    expect(page.get_by_role("option").filter(has_text=TAGS["crm_company.name"])).to_have_count(1)
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    expect(page.locator("#search-input-command")).to_be_focused()
    page.keyboard.type(TAGS["crm_company.name"] + "'")
    expect(page.locator("#command-results-list li").first).to_be_visible()
    assert told == []
    assert heard.refused == []
    assert heard.ran == 0


@pytest.mark.parametrize(("markup", "directive"), INJECTED.items(), ids=INJECTED.values())
def test_markup_in_a_page_would_not_run(
    live_server: LiveServer, page: Page, cast: Cast, heard: Heard, markup: str, directive: str
) -> None:
    sign_in(page, live_server, staff(cast.branch, everything()))
    go(page, live_server, "/admin/")
    page.evaluate("markup => { document.body.insertAdjacentHTML('beforeend', markup) }", markup)
    page.wait_for_timeout(300)
    assert {told[0] for told in heard.refused} == {directive}
    assert heard.ran == 0


def test_what_htmx_loads_would_not_run(live_server: LiveServer, page: Page, cast: Cast, heard: Heard) -> None:
    sign_in(page, live_server, staff(cast.branch, everything()))
    go(page, live_server, "/admin/")
    page.evaluate(
        """() => {
            htmx.swap('#command-results', '<script>stored()</script><b id=own hx-on:click="stored()">own</b>',
                {swapStyle: 'innerHTML'});
            htmx.process(document.getElementById('own'));
            document.getElementById('own').click();
        }"""
    )
    page.wait_for_timeout(300)
    assert heard.ran == 0


def test_a_link_to_a_script_would_not_run(live_server: LiveServer, page: Page, cast: Cast, heard: Heard) -> None:
    CustomFieldFactory(account=cast.account, key="site", name="Site", kind=CustomField.Kind.URL)
    lead: Any = make("lead", cast.branch, custom={"site": ADDRESS})
    sign_in(page, live_server, staff(cast.branch, all_but("change_lead", "assign_record")))
    go(page, live_server, url(lead))
    page.get_by_role("link", name=ADDRESS).click()
    page.wait_for_timeout(300)
    assert [told[0] for told in heard.refused] == ["script-src-elem"]
    assert heard.ran == 0
