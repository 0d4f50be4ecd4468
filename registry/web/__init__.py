"""The web interface: pages, forms, authentication and middleware."""
