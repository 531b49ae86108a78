"""Progress: what the treasury reports, how far money is spent, and who is ahead (F-19, F-31)."""
