"""The schema of funds, step by step."""
