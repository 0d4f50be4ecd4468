"""Runnable comparisons; tests never time."""
