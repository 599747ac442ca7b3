"""Connections and their keys, for operators."""
