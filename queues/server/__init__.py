"""The Redis server: connecting, Sentinel, whose it is, durability, room, and whether it was rolled back."""
