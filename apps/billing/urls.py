"""The addresses of billing."""

from django.urls import path

from apps.billing.views.choosing import begin, cancel, choose, how
from apps.billing.views.gateway import method, webhook
from apps.billing.views.invoices import invoice, invoices, pdf
from apps.billing.views.overview import overview
from apps.billing.views.payers import details
from apps.pages.views.page import account_page

app_name = "billing"
urlpatterns = [
    path("billing/webhook/", webhook, name="webhook"),
    account_page("billing/payers/<int:payer>/method/", method, name="method"),
    account_page("billing/", overview, name="overview"),
    account_page("billing/begin/", begin, name="begin"),
    account_page("billing/plan/", choose, name="plan"),
    account_page("billing/how/", how, name="how"),
    account_page("billing/cancel/", cancel, name="cancel"),
    account_page("billing/payers/<int:payer>/", details, name="payer"),
    account_page("billing/invoices/", invoices, name="invoices"),
    account_page("billing/invoices/<slug:reference>/", invoice, name="invoice"),
    account_page("billing/invoices/<slug:reference>/pdf/", pdf, name="pdf"),
]
