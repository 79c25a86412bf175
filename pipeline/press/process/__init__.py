"""The press steps in child processes with limits, whatever the file contains."""
