"""Forms that register and change records. The data model determines their fields."""
