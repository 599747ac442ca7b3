"""Alerts: what is judged to be wrong in the ledger is told to people, once when it begins and once when it is over."""
