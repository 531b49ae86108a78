"""Households and their members: who they are, since when, and everything that changed."""
