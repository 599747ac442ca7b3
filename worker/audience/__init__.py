"""Kind audience: people are uploaded and confirmed; those who left are taken off the list."""
