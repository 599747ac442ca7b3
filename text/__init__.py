"""Words and names: how times and numbers are written, what is escaped, names in JSON, hosts."""
