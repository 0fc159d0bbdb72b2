"""The audit log: replayed, as of a time, and in words."""
