"""`ferry sync`: a file becomes a snapshot."""
