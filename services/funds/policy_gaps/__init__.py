"""Policy gaps: problems that no policy pays for, until the county has arranged the money (I-36)."""
