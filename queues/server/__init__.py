"""The Redis server: connections, Sentinel, ownership, durability, room, and detection of a rollback."""
