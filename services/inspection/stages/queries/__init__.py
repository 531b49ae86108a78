"""Reading what was done in a campaign's stages."""
