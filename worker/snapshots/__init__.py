"""Kind snapshot: makes a list equal to a file."""
