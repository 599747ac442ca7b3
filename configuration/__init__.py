"""Ferry's configuration: settings from the environment; connections, senders and alerts from connections.toml."""
