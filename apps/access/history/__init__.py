"""What the audit log says: replayed, as of a moment, and in words."""
