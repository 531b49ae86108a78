"""Reading what is analysed: the ledger by day, and the problems and their stays themselves."""
