"""Snapshots: what somebody sends as the whole of an audience becomes changes of it."""
