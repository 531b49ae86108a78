"""Deadlines (时限): how the classes of a problem and the policy in force give its due date."""
