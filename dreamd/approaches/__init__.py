"""The four approaches of the paper: one contract, a file for each, one row each in the registry."""
