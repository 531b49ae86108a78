"""Inspections (检查): planned visits to villages, and how many of them a village has to bear."""
