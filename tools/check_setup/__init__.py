"""Shows that the locks install the same with any pip, and with npm, whatever the registries hold that day."""
