"""The checks of `ferry doctor` and `ferry release-check`."""
