"""How far the reports can be trusted: calibration, back-tests and generated registries."""
