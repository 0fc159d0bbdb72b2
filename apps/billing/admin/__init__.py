"""Invoices in the admin: to read for whoever sees the bills; operators enter payments and write credits there."""

from apps.backoffice.site import site
from apps.billing.admin.invoices import InvoiceAdmin
from apps.billing.models import Invoice

site.register(Invoice, InvoiceAdmin)
