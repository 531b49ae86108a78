"""The three lists (问题清单、责任清单、时限清单), and their delivery against a receipt."""
