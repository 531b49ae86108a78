"""Closing (销号) and honesty: verification by four bodies, spot checks, reopening (I-40…I-44)."""
