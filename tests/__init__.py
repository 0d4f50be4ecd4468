"""Tests: what a user would notice, on a real engine."""
