"""The demo's mail: a mail server of its own that keeps all that it is handed, and pages that show it."""
