"""Who is reached how: the contact book, and what its people and groups are still to be told."""
