"""What can be done with queues."""
