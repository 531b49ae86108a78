"""The regions of the country, from the province to the village, with their validity in time."""
