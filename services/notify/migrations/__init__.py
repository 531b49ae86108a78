"""The schema of notify, step by step."""
