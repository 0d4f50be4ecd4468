"""Evaluation of the reports: how often they give false alarms, how well their rankings predict, and generated test data."""
