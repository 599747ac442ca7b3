"""intake/openapi"""
