"""ops/selftest"""
