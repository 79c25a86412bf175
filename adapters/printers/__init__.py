"""Printers behind SFTP: `SftpPrinter` is the port, `LivePrinters` finds it for a row.

From the outside in: `directory` → `sftp` (the port) → `connection` (several channels) → `upload` and `jobs` (what is done at a
printer) → `engine` (many requests under way, every answer checked) → `wire` (bytes); `ssh` makes the connection over a socket of
`bursts`, `watchdog` ends a dead one, `breaker` leaves one alone that fails.
"""
