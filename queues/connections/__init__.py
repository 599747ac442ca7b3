"""The stored data of connections: keys, accounts, settings from messages, and changes of them."""
