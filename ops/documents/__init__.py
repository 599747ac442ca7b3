"""ops/documents"""
