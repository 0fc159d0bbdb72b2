"""The browser of the tests reaches the product, styles included."""

from playwright.sync_api import Page, Response, expect
from pytest_django.live_server_helper import LiveServer


def test_the_sign_in_page_opens_with_all_that_it_needs(live_server: LiveServer, page: Page) -> None:
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))

    page.goto(f"{live_server.url}/")

    expect(page).to_have_url(f"{live_server.url}/login/?next=/")
    assert {answer.status for answer in answers} <= {200, 302}
    assert any(answer.url.endswith(".css") for answer in answers)
