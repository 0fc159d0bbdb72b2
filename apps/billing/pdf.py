"""An invoice as a PDF, made of what the invoice kept; the same invoice gives the same bytes.

Texts of any length are printed in full: what does not fit on a page goes on on the next one.
"""

from __future__ import annotations

import unicodedata
from importlib.resources import as_file, files
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import registerFont, stringWidth
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table

from apps.billing.models import Invoice
from apps.billing.money import written

# A typeface with Greek and Cyrillic letters, since names and addresses come as people write them.
REGULAR, BOLD = "SourceSansPro-Regular", "SourceSansPro-Bold"
INK, SOFT, GREEN, RULE = HexColor("#1c2526"), HexColor("#5b686a"), HexColor("#1f5f5b"), HexColor("#d3dadb")
MARGIN, FOOT = 22 * mm, 12 * mm
# How much of the footer the seller's name may take.
FOOTER_NAME = 110 * mm
_faces = {}
for _name in (REGULAR, BOLD):
    with as_file(files("font_source_sans_pro") / "files" / f"{_name}.ttf") as _path:
        _font = TTFont(_name, str(_path))
    registerFont(_font)
    _faces[_name] = _font.face.charToGlyph

BODY = ParagraphStyle("body", fontName=REGULAR, fontSize=10, leading=13.5, textColor=INK)
SMALL = ParagraphStyle("small", parent=BODY, fontSize=8.5, leading=13.5, textColor=SOFT)
RIGHT = ParagraphStyle("right", parent=BODY, alignment=2)
STRONG = ParagraphStyle("strong", parent=BODY, fontName=BOLD)
STRONG_RIGHT = ParagraphStyle("strong right", parent=STRONG, alignment=2)
TITLE = ParagraphStyle("title", parent=BODY, fontName=BOLD, fontSize=20, leading=26, textColor=GREEN)


def invoice_pdf(invoice: Invoice) -> bytes:
    """The invoice, or credit note, on as many pages as its lines need."""
    buffer = BytesIO()
    document = SimpleDocTemplate(
        buffer,
        pagesize=A4,
        # A frame keeps some room free within its margins.
        leftMargin=MARGIN - 6,
        rightMargin=MARGIN - 6,
        topMargin=20 * mm,
        bottomMargin=22 * mm,
        title=f"{invoice.get_kind_display()} {invoice.reference}",
        author=" ".join(_shown(invoice.seller_details["name"]).split()),
        invariant=1,
    )
    name = _cut(document.author, FOOTER_NAME)

    def footer(canvas: Any, _: SimpleDocTemplate) -> None:
        canvas.setFont(REGULAR, SMALL.fontSize)
        canvas.setFillColor(SOFT)
        canvas.drawString(MARGIN, FOOT, name)
        canvas.drawRightString(A4[0] - MARGIN, FOOT, f"{document.title}, page {canvas.getPageNumber()}")

    document.build(_story(invoice), onFirstPage=footer, onLaterPages=footer)
    return buffer.getvalue()


def file_name(invoice: Invoice) -> str:
    """Return the name of the file."""
    return f"{invoice.kind.replace('_', '-')}-{invoice.reference}.pdf"


def _story(invoice: Invoice) -> list[Flowable]:
    seller, buyer = invoice.seller_details, invoice.buyer_details
    return [
        _columns(_address(buyer), _address(seller, right=True)),
        Spacer(1, 14 * mm),
        _paragraph(f"{invoice.get_kind_display()} {invoice.reference}", TITLE),
        Spacer(1, 3 * mm),
        _facts(invoice),
        Spacer(1, 8 * mm),
        _lines(invoice),
        Spacer(1, 6 * mm),
        *([_paragraph(invoice.note, BODY), Spacer(1, 4 * mm)] if invoice.note else []),
        *_how_to_pay(invoice),
    ]


def _columns(left: list[Flowable], right: list[Flowable]) -> Table:
    return _table([[left, "", right]], [79 * mm, 8 * mm, 79 * mm], [("VALIGN", (0, 0), (-1, -1), "TOP")])


def _labelled(facts: list[tuple[str, str]]) -> Table:
    rows = [[_paragraph(label, SMALL), _paragraph(value, BODY)] for label, value in facts]
    return _table(rows, [32 * mm, 134 * mm], [("BOTTOMPADDING", (0, 0), (-1, -1), 1)])


def _table(rows: list[list[Any]], widths: list[float], style: list[tuple[Any, ...]], **options: Any) -> Table:
    """A table flush with the margins, which breaks between rows; inside one only where it is higher than a page."""
    flush = [("LEFTPADDING", (0, 0), (-1, -1), 0), ("RIGHTPADDING", (0, 0), (-1, -1), 0)]
    return Table(rows, colWidths=widths, style=[*style, *flush], splitInRow=1, **options)


def _address(of: dict[str, str], *, right: bool = False) -> list[Flowable]:
    number = [f"VAT number {of['vat_number']}"] if of.get("vat_number") else []
    lines = [*of["address"].splitlines(), of["country"], *number, *([of["email"]] if right else [])]
    strong, plain = (STRONG_RIGHT, RIGHT) if right else (STRONG, BODY)
    return [_paragraph(of["name"], strong), *(_paragraph(line, plain) for line in lines if line.strip())]


def _facts(invoice: Invoice) -> Table:
    facts = [("Date", f"{invoice.issued_on:%-d %B %Y}")]
    if invoice.credits is not None:
        facts.append(("Invoice credited", invoice.credits.reference))
    else:
        facts.append(("Due date", f"{invoice.due_on:%-d %B %Y}"))
    return _labelled(facts)


def _lines(invoice: Invoice) -> Table:
    def money(amount: Any, style: ParagraphStyle = RIGHT) -> Paragraph:
        return _paragraph(written(amount, invoice.currency), style)

    rows = [[_paragraph("Description", SMALL), _paragraph("Seats", _right(SMALL)), _paragraph("Amount", _right(SMALL))]]
    rows += [
        [_paragraph(line.text, BODY), _paragraph(f"{line.quantity:,}", RIGHT), money(line.net)]
        for line in invoice.lines.all()
    ]
    count = len(rows)
    rate = f"{invoice.tax_rate.normalize():f}"
    rows += [
        [_paragraph("Subtotal", BODY), "", money(invoice.net)],
        [_paragraph(f"Tax, {rate} %", BODY), "", money(invoice.tax)],
        [_paragraph("Total", STRONG), "", money(invoice.total, STRONG_RIGHT)],
    ]
    style = [
        ("LINEBELOW", (0, 0), (-1, 0), 0.8, INK),
        ("LINEBELOW", (0, 1), (-1, count - 2), 0.4, RULE),
        ("LINEABOVE", (0, count), (-1, count), 0.8, INK),
        ("LINEABOVE", (0, -1), (-1, -1), 0.8, INK),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), 4),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
    ]
    return _table(rows, [110 * mm, 18 * mm, 38 * mm], style, repeatRows=1)


def _how_to_pay(invoice: Invoice) -> list[Flowable]:
    seller = invoice.seller_details
    if invoice.is_credit_note:
        return [_paragraph("The amount is deducted from the invoice, or refunded to you.", BODY)]
    if not seller.get("iban"):
        return []
    facts = [
        ("Account holder", seller["name"]),
        ("IBAN", seller["iban"]),
        ("BIC", seller["bic"]),
        ("Bank", seller["bank"]),
        ("Reference", invoice.reference),
    ]
    table = _labelled([(label, value) for label, value in facts if value])
    return [_paragraph("Payment by bank transfer", STRONG), Spacer(1, 1 * mm), table]


def _right(style: ParagraphStyle) -> ParagraphStyle:
    return ParagraphStyle(f"{style.name} to the right", parent=style, alignment=2)


def _paragraph(text: str, style: ParagraphStyle) -> Paragraph:
    return Paragraph(escape(_shown(text, style.fontName)), style)


def _cut(text: str, width: float) -> str:
    """Return as much of the text as fits in one line of small print."""
    shortened = text
    while shortened and stringWidth(shortened, REGULAR, SMALL.fontSize) > width:
        shortened = f"{shortened[: min(len(shortened) - 2, 200)]}…"
    return shortened


def _shown(text: str, font: str = REGULAR) -> str:
    """Return the text with characters of the font: missing accents are dropped, others become question marks."""
    known = _faces[font]
    found = []
    for letter in text:
        plain = letter if ord(letter) in known else unicodedata.normalize("NFKD", letter)[:1]
        found.append(plain if ord(plain) in known else "?")
    return "".join(found)
