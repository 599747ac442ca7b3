"""Logging: ids of the current work in every line, text or JSON, and Sentry."""
