"""The operator's surface: the `ferry` command. May read every other room; nobody imports it."""
