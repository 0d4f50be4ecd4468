"""Graph queries beyond lists: paths, neighbourhood, impact, shared resources and search."""
