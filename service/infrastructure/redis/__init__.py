"""What may be forgotten: verdicts on sessions, and attempts at passwords."""
