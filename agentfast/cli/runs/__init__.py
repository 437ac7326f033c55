"""The commands on journals: list and show runs, and go on with one."""
