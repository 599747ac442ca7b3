"""The operator's surface over HTTP: who may look and act, pages, the same as an API, metrics."""
