"""The schema of households, step by step."""
