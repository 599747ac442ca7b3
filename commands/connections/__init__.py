"""`ferry connections`: one file per subcommand."""
