"""Child processes, and what every one of them says and hears."""
