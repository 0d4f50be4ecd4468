"""Mutations: each runs in one transaction together with its audit events."""
