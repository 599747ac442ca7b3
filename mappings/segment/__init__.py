"""mappings/segment"""
