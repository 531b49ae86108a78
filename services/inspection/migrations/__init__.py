"""The schema of inspection, step by step."""
