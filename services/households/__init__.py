"""Households: the register of regions, households and members, and what is known of each."""
