"""The registry on the web."""
