"""The `ferry` command: what is typed and what is printed, one file a command. Nobody imports it."""
