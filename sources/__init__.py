"""Sources: reading the result of a query, from its SQL to a file of rows that is complete or does not exist."""
