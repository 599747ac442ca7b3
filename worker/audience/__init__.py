"""worker/audience"""
