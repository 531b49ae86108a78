"""Reminders of deadlines, and the escalations once they have passed."""
