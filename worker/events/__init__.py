"""Kind event: sends events in bulk, each once."""
