"""Segment's events and traits, and the settings of a destination: triggers, templates, conditions."""
