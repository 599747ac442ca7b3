"""`ferry selftest`: a round trip on a test account, and a test of what Klaviyo does with people's identifiers."""
