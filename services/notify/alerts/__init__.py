"""Alerts of funds and monitoring, letters about absences, bulletins with receipts, rankings."""
