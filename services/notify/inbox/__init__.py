"""What stands before a person of an organisation: its messages, and which of them he has read."""
