"""What Ferry is told: settings from the environment, and connections, senders and alerts from connections.toml."""
