"""`ferry selftest`: a round trip on a test account, and what Klaviyo does with people's identifiers."""
