"""What may be forgotten: which sessions are alive, and attempts at passwords."""
