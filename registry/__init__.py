"""The registry: what is known, and how it is kept."""

__version__ = "0.1.0"
