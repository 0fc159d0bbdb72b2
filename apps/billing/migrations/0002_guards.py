"""What the database guards: numbers without gaps, invoices that stay as they are, tenants apart, changes in the log."""

from django.db import migrations

from apps.accounts.audited import ACCOUNT
from apps.accounts.tenancy import Fenced, RunAsOwner, TenantForeignKey
from apps.audit.operations import AppendOnly, Audited

# The row of the seller is locked until the commit, so invoices get their numbers one after the other, and one that is
# rolled back leaves its number to the next.
NUMBERED = """
CREATE FUNCTION billing_number_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE billing_seller SET last_number = last_number + 1 WHERE id = NEW.seller_id
    RETURNING last_number, prefix || lpad(last_number::text, 6, '0') INTO NEW.number, NEW.reference;
    NEW.transaction_id := (pg_current_xact_id()::text)::bigint;
    RETURN NEW;
END $$;
CREATE TRIGGER billing_invoice_number BEFORE INSERT ON billing_invoice
    FOR EACH ROW EXECUTE FUNCTION billing_number_invoice();
"""
COUNTED_ON = """
CREATE FUNCTION billing_count_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.last_number NOT IN (OLD.last_number, OLD.last_number + 1) THEN
        RAISE EXCEPTION USING ERRCODE = 'restrict_violation',
            MESSAGE = 'a seller''s numbers are counted on one by one';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER billing_seller_counts_on BEFORE UPDATE ON billing_seller
    FOR EACH ROW EXECUTE FUNCTION billing_count_on();
"""
COMPLETE = """
CREATE FUNCTION billing_check_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM billing_invoice
        WHERE id = NEW.invoice_id AND transaction_id = (pg_current_xact_id()::text)::bigint
    ) THEN
        RAISE EXCEPTION USING ERRCODE = 'restrict_violation',
            MESSAGE = 'an invoice gets no line once it is issued', HINT = 'Write a credit note, and another invoice.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER billing_invoiceline_in_time AFTER INSERT ON billing_invoiceline
    FOR EACH ROW EXECUTE FUNCTION billing_check_line();
CREATE FUNCTION billing_check_sums() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    found record;
BEGIN
    SELECT sum(net) AS net, sum(tax) AS tax INTO found FROM billing_invoiceline WHERE invoice_id = NEW.id;
    IF found.net IS DISTINCT FROM NEW.net OR found.tax IS DISTINCT FROM NEW.tax THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation',
            MESSAGE = 'the lines of an invoice sum to its amounts';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER billing_invoice_sums AFTER INSERT ON billing_invoice DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION billing_check_sums();
"""
CURRENCY = """
CREATE FUNCTION billing_keep_currency() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM billing_invoice WHERE payer_id = OLD.id) THEN
        RAISE EXCEPTION USING ERRCODE = 'restrict_violation',
            MESSAGE = 'a currency stays once there are invoices in it';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER billing_payer_currency BEFORE UPDATE OF currency ON billing_payer FOR EACH ROW
    WHEN (OLD.currency IS DISTINCT FROM NEW.currency) EXECUTE FUNCTION billing_keep_currency();
"""
# Asked before an account is chosen: by the queue's worker, and by a gateway's message.
ASKED_OUTSIDE = """
CREATE FUNCTION billing_subscribed_accounts() RETURNS SETOF bigint LANGUAGE sql STABLE SECURITY DEFINER
    AS 'SELECT account_id FROM billing_subscription ORDER BY account_id';
CREATE FUNCTION billing_account_of_customer(of_gateway text, named text) RETURNS bigint LANGUAGE sql STABLE
    SECURITY DEFINER AS 'SELECT account_id FROM billing_payer WHERE gateway = of_gateway AND customer = named
    AND named <> ''''';
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION billing_subscribed_accounts() SET search_path = pg_catalog, %I, pg_temp',
        current_schema());
    EXECUTE format('ALTER FUNCTION billing_account_of_customer(text, text) SET search_path = pg_catalog, %I, pg_temp',
        current_schema());
END $$;
"""
INVOICE = "(SELECT reference FROM billing_invoice WHERE id = {x}.invoice_id)"
PAYER = (
    "coalesce((SELECT name FROM accounts_branch WHERE id = {x}.branch_id),"
    " (SELECT name FROM accounts_account WHERE id = {x}.account_id))"
)
PAYER_OF_TERM = (
    "(SELECT coalesce(b.name, a.name) FROM billing_payer p JOIN accounts_account a ON a.id = p.account_id"
    " LEFT JOIN accounts_branch b ON b.id = p.branch_id WHERE p.id = {x}.payer_id)"
)
BRANCH_OF_TERM = "(SELECT branch_id FROM billing_payer WHERE id = {x}.payer_id)"
TABLES = ("Subscription", "Payer", "Term", "Period", "Invoice", "InvoiceLine", "Payment", "Mailing", "Attempt")
INSIDE = (
    ("Payer", "branch"),
    ("Term", "payer"),
    ("Invoice", "payer"),
    ("Invoice", "branch"),
    ("Invoice", "credits"),
    ("InvoiceLine", "invoice"),
    ("InvoiceLine", "payer"),
    ("InvoiceLine", "period"),
    ("Payment", "invoice"),
    ("Mailing", "invoice"),
    ("Attempt", "invoice"),
)


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0002_guards"),
        ("accounts", "0005_plan_limits"),
        ("billing", "0001_initial"),
    ]

    operations = [
        *(TenantForeignKey(model, field) for model, field in INSIDE),
        *(Fenced(model) for model in TABLES),
        *(AppendOnly(model) for model in ("Invoice", "InvoiceLine", "Payment")),
        migrations.RunSQL(NUMBERED, "DROP FUNCTION billing_number_invoice() CASCADE"),
        migrations.RunSQL(COUNTED_ON, "DROP FUNCTION billing_count_on() CASCADE"),
        migrations.RunSQL(
            COMPLETE, "DROP FUNCTION billing_check_line() CASCADE; DROP FUNCTION billing_check_sums() CASCADE"
        ),
        migrations.RunSQL(CURRENCY, "DROP FUNCTION billing_keep_currency() CASCADE"),
        RunAsOwner("billing_number_invoice", "billing_check_line", "billing_check_sums", "billing_keep_currency"),
        migrations.RunSQL(
            ASKED_OUTSIDE,
            "DROP FUNCTION billing_subscribed_accounts(); DROP FUNCTION billing_account_of_customer(text, text)",
        ),
        Audited("Subscription", text=ACCOUNT),
        Audited("Payer", text=PAYER, branch="{x}.branch_id"),
        Audited("Term", text=PAYER_OF_TERM, branch=BRANCH_OF_TERM, names={"payer": PAYER_OF_TERM}),
        Audited(
            "Invoice",
            text="{x}.reference",
            branch="{x}.branch_id",
            only=["reference", "kind", "issued_on", "due_on", "currency", "net", "tax", "total"],
        ),
        Audited("Payment", text=INVOICE, only=["amount", "received_on", "gateway", "external_id"]),
    ]
