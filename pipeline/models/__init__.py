"""What is kept and passed on: tables, printer profiles, the format of acknowledgements."""
