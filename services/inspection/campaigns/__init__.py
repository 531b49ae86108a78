"""Campaigns (专项行动): a drive to find problems, its stages, and the deadline policy it sets."""
