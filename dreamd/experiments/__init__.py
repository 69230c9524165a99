"""What measures the project, as Markdown: speed, liveliness, Table 1, starter models."""
