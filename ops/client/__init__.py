"""ops/client"""
