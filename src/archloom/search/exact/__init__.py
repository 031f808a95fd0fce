"""The exact mapper: the best mapping of a mapspace, with a proof that none is better."""
