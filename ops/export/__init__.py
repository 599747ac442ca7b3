"""ops/export"""
