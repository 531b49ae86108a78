"""Disputes (I-11): a department that holds another one responsible says so; the clock runs on."""
