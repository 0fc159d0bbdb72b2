"""The demo's emails: a mail server that stores every email, and pages that show them."""
