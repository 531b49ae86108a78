"""Signed webhooks: every endpoint has a lane of its own, which no other endpoint can hold up."""
