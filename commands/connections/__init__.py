"""`ferry connections`: one file a subcommand."""
