"""ops/dead_letters"""
