"""Connections as an operator sees them, and their keys."""
