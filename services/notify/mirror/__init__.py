"""What notify knows of others: regions, and of each problem what decides whom to tell and when."""
