"""The data model, declared once: kinds, their properties and links, value types and code lists."""
