"""The calls below /problems: log one or many, read, move."""
