"""intake/segment"""
