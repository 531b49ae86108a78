"""`make demo`: the ledger of Ebian county, 2019, loaded and read back through HTTP."""
