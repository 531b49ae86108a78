"""Figures beside their floors: each file measures one, in alternating rounds of the same run."""
