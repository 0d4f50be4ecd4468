"""Forms that register and change records; the model determines their fields."""
