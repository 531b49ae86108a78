"""Home visits with the nine looks (H-45)."""
