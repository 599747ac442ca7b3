"""The runs of scheduled queries: their slots, leases and records."""
