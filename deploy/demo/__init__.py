"""`make demo`: the ledger of Ebian county, 2019, loaded through the HTTP interfaces and read back."""
