"""The runs of scheduled queries: read the result, check it, submit it as a snapshot."""
