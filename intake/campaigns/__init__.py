"""intake/campaigns"""
