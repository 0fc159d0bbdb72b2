"""The parts of a mail: its template says which there are. What is filled in is text inside of one part."""

from __future__ import annotations

from django import template
from django.template.base import FilterExpression, Node, NodeList, Parser, Token

from apps.accounts.composition import PARTS, Letter, Part
from apps.accounts.origins import is_ours
from apps.audit.text import validate_single_line

register = template.Library()


class LineNode(Node):
    """A subject or a paragraph: one line, whatever is filled in."""

    def __init__(self, nodelist: NodeList, *, is_subject: bool) -> None:
        self.nodelist = nodelist
        self.is_subject = is_subject

    def render(self, context: template.Context) -> str:
        """Add the rendered line to the parts; returns no text of its own."""
        letter: Letter = context[PARTS]
        # Hidden characters can't be stored any more; texts from before may still have some.
        line = " ".join(validate_single_line.pattern.sub(" ", self.nodelist.render(context)).split())
        if self.is_subject:
            letter.subjects.append(line)
        elif line:
            letter.parts.append(Part(line))
        return ""


class ButtonNode(Node):
    """The address of one of our pages."""

    def __init__(self, address: FilterExpression) -> None:
        self.address = address

    def render(self, context: template.Context) -> str:
        """Gather the address.

        Raises:
            ValueError: it is none of our pages.
        """
        address = str(self.address.resolve(context))
        if not is_ours(address):
            raise ValueError(f"A button of a mail leads to a page of ours, and not to {address!r}.")
        context[PARTS].parts.append(Part(address, is_link=True))
        return ""


@register.tag
def subject(parser: Parser, token: Token) -> LineNode:
    """`{% subject %}…{% endsubject %}`: what the mail is about, once in each template."""
    return _line(parser, token, is_subject=True)


@register.tag
def paragraph(parser: Parser, token: Token) -> LineNode:
    """`{% paragraph %}…{% endparagraph %}`: one paragraph."""
    return _line(parser, token, is_subject=False)


@register.tag
def button(parser: Parser, token: Token) -> ButtonNode:
    """`{% button address %}`: a button that leads to the address, which is a value of ours."""
    _name, address = token.split_contents()
    return ButtonNode(parser.compile_filter(address))


def _line(parser: Parser, token: Token, *, is_subject: bool) -> LineNode:
    nodelist = parser.parse((f"end{token.contents}",))
    parser.delete_first_token()
    return LineNode(nodelist, is_subject=is_subject)
