"""The JSON documents of the operator API and of `--json`."""
