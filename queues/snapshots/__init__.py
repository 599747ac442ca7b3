"""Snapshots in Redis: orders, bodies, records, and the membership ledger that they are compared with."""
