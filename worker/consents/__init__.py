"""Kind consent: subscribing and unsubscribing."""
