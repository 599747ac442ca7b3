"""ops/explain"""
