"""Who is told what about a problem or a case, in which words, and the life of a message. Pure."""
