"""How a browser makes a change of access: the form, the preview, the confirmation."""

from __future__ import annotations

from typing import Any

import zeal
from django.test import Client

REASON = "They asked for it"


def sent(client: Client, address: str, **values: Any) -> dict[str, Any]:
    """What the browser sends from the form on that page, with some fields filled in otherwise."""
    response = client.get(address)
    assert response.status_code == 200, response.content[:300]
    form = response.context["form"]
    data: dict[str, Any] = {}
    for name, field in form.fields.items():
        value = form[name].value()
        if hasattr(field.widget, "format") and hasattr(value, "strftime"):
            value = field.widget.format_value(value)
        data[name] = "" if value is None else value
    return {**data, "reason": REASON, **values}


def posted(client: Client, address: str, data: dict[str, Any]) -> Any:
    """The answer to a form. A preview reads the same things before and after, by design: that is no N+1."""
    with zeal.zeal_ignore():
        return client.post(address, data)


def previewed(client: Client, address: str, **values: Any) -> tuple[list[str], dict[str, Any]]:
    """The lines of the preview, and what the confirmation sends."""
    response = posted(client, address, sent(client, address, **values))
    assert response.status_code == 200, response.content[:300]
    assert "lines" in response.context, told(response)
    kept: dict[str, Any] = {}
    for name, value in response.context["kept"]:
        kept.setdefault(name, []).append(value)
    return [str(line) for line in response.context["lines"]], {**kept, "confirmed": "yes"}


def made(client: Client, address: str, **values: Any) -> Any:
    """The answer to the confirmation."""
    _, kept = previewed(client, address, **values)
    return posted(client, address, kept)


def refused(client: Client, address: str, **values: Any) -> str:
    """The words in which the form refuses."""
    return told(posted(client, address, sent(client, address, **values)))


def told(response: Any) -> str:
    """What the form says is wrong."""
    form = response.context["form"]
    named = [f"{name}: {' '.join(errors)}" for name, errors in form.errors.items() if name != "__all__"]
    return " ".join([*form.non_field_errors(), *named])
