"""Alerts: channels are notified of each problem in the ledger once when it begins and once when it is over."""
