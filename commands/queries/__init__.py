"""`ferry queries`."""
