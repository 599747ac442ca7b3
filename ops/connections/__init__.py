"""ops/connections"""
