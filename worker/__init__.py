"""Delivers one batch: coalesce, map, upload, confirm, remove, settle."""
