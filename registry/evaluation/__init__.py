"""Evaluation of the reports: the rate of false alarms, the accuracy of rankings, and generated test data."""
