"""ops/checks"""
