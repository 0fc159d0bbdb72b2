"""Realistic volume for load tests: people and records by bulk SQL, the same for the same seed."""
