"""What the line does and when: the Prefect flows, the one place that opens parts, and the lead's commands."""
