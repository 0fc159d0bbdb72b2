"""The published rules as data: what each scheme, and the catalogue, must turn out to say."""
