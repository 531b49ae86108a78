"""Answers to petitioners: sent to their own contact, with a failure shown to the handler."""
