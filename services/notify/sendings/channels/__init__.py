"""The services through which people are reached, one adapter each."""
