"""Changes that people make, one at a time: each in one transaction with its entry in the chain of changes."""
