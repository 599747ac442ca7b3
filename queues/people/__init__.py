"""What is remembered of people, under keyed hashes: identifiers, newest times, consents."""
