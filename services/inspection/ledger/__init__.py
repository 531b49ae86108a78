"""The ledger (台账): found, done and open at any instant, exact, without slowing the logging."""
