"""Use cases that change something: one file each."""
