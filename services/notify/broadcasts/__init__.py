"""Letters of an office to all persons of a role in a region, and who has read them (N-09)."""
