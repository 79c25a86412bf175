"""Printers behind SFTP: `SftpPrinter` is the port, `LivePrinters` finds it for a row.

From the outside in: `directory` → `sftp` (the port) → `connection` (several channels) → `jobs` (what is done at a printer) →
`engine` (many requests under way, every answer checked) → `wire` (bytes); `ssh` makes the connection, `watchdog` ends a dead one.
"""
