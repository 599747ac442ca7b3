"""Kind snapshot: a list is made equal to a file."""
