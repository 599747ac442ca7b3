"""Kind event: events are sent in bulk, each once."""
