"""Routing (分办): which department leads the rectification of a problem kind."""
