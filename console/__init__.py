"""The operator's interface over HTTP: authentication, pages, API and metrics."""
