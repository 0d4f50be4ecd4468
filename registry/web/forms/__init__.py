"""Forms: records registered and changed on pages that follow from the model."""
