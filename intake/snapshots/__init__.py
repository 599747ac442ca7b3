"""intake/snapshots"""
