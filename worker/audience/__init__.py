"""Kind audience: uploads and confirms people, and takes people who left off the list."""
