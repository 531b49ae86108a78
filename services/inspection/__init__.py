"""Inspection (督查整改): who must put a defect right, by when, and whether it is done."""
