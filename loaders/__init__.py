"""The way in: sources, and the one flow that loads them."""
