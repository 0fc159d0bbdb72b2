"""The demo: one account for each scheme, as organisation files, and an operator."""
