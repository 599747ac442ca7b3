"""Text helpers: writing times and numbers, escaping, names in JSON, and hosts."""
