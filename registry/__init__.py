"""The registry of shared services and collaboration between agencies."""

__version__ = "0.1.0"
