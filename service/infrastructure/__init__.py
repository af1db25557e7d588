"""Everything that knows a technology: one folder each, which do not know each other."""
