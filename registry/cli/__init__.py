"""The command line `registry`."""
