"""How lines are logged: ids of what is under way, text or JSON, Sentry."""
