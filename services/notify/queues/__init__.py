"""The queues of organisations: what they are told, handed out under a lease until acknowledged."""
