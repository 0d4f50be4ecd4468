"""Changes: each runs in one transaction together with its audit event."""
