"""worker/consents"""
