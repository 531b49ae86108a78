"""Digests: the figures of a week for each organisation that leads problems or watches them."""
