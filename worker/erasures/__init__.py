"""Kind erasure: a person is taken out of the ledger and deleted at Klaviyo."""
