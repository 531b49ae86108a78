"""What inspection knows of others: regions and households, with their owner's versions."""
