"""The outcomes of changes: settled batches, figures by the hour, traces of a person."""
