"""Invoices in the admin: members with access to billing read them; operators record payments and issue credit notes."""

from apps.backoffice.site import site
from apps.billing.admin.invoices import InvoiceAdmin
from apps.billing.models import Invoice

site.register(Invoice, InvoiceAdmin)
