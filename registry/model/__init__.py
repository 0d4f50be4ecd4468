"""The data model, declared once: the kinds of records, their properties and links, value types and code lists."""
