"""Snapshots: the complete membership of an audience is turned into changes."""
