"""intake/changes"""
