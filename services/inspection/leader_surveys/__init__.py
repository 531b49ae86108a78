"""Leaders' surveys (领导调研): who went to which villages unannounced, and how often in a year."""
