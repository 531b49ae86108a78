"""The rules of stages: coverage, duties, stamped ledgers, samplings, the final report."""
