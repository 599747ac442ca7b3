"""Identifies the people of a batch, from remembered data and look-ups at Klaviyo."""
