"""Who may look and act: signing in, sessions, roles, and guards against other pages and guessed tokens."""
