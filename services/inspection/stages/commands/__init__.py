"""What can be done in a campaign's stages."""
