"""What can be done about closing: verify, spot-check, reopen, record a standing mechanism."""
