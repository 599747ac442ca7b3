"""What is kept of connections: keys, accounts, settings that messages brought, and changes of them."""
