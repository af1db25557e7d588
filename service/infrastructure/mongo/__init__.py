"""Profiles, posts and sessions in MongoDB, each with its events and commands."""
