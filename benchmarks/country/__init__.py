"""A generated country, and what the pages of a registry with its size cost."""
