"""Kind consent: subscribes and unsubscribes people."""
