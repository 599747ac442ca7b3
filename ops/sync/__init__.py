"""`ferry sync`: make a snapshot of a file."""
