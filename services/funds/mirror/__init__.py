"""What funds knows of others: regions and households, with the version their owner gave them."""
