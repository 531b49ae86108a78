"""What goes out to people and groups by their own channels, when, and what became of it."""
