"""The servers that MailStream starts by itself: Redis, a test PostgreSQL, and what keeps child processes alive."""
