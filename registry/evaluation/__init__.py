"""Evaluation of the reports: calibration, back-tests and generated registries."""
