"""The data remembered of people, under keyed hashes: identifiers, newest times, consents."""
