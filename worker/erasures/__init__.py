"""Kind erasure: removes a person from the ledger and from Klaviyo."""
