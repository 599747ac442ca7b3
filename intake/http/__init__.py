"""intake/http"""
