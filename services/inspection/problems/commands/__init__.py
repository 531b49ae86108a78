"""What can be done to problems: log, merge, move, let them fall overdue."""
