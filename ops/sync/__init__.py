"""ops/sync"""
