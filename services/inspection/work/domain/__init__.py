"""The rules of plans, of work in hand and of what is reported done."""
