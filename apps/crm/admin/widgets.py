"""Form fields of our own."""

from __future__ import annotations

from unfold.contrib.forms.widgets import ArrayWidget


class SeveralWidget(ArrayWidget):
    """Several short texts, one field each. Its template is the app's, where form widgets look for theirs."""

    template_name = "crm/several.html"
