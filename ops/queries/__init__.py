"""Scheduled queries for operators: what they are, how their runs went, and the actions on them."""
