"""intake/access"""
