"""The lines and methods by which households are measured, per region and year (H-15)."""
